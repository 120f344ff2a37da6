"""Loads exports as their users do and prints what was found as JSON: load.py FOLDER WORK."""

import json
import pathlib
import sys

import datasets
import duckdb
import numpy
import pyarrow.parquet

EXPORTS = pathlib.Path(sys.argv[1])
WORK = pathlib.Path(sys.argv[2])
PARQUET = sorted(EXPORTS.glob("parquet/*.parquet"))


def hugging_face():
    """Splits by the card, rows of every kind as lines or columns."""
    found = {}
    for name in ("parquet", "jsonl"):
        loaded = datasets.load_dataset(str(EXPORTS / name), cache_dir=str(WORK / "hf"))
        found[name] = {split: rows.num_rows for split, rows in loaded.items()}
        first = loaded["train"][0]
        found[name + "_observation"] = first["observation"]
        found[name + "_reward"] = first["reward_coin"]
    chat = datasets.load_dataset("json", data_files=str(EXPORTS / "chat/*.jsonl"), cache_dir=str(WORK / "hf"))
    found["roles"] = [message["role"] for message in chat["train"][0]["messages"]]
    pairs = datasets.load_dataset(
        "json", data_files=str(EXPORTS / "preference/*.jsonl.gz"), cache_dir=str(WORK / "hf")
    )
    found["pair"] = sorted(pairs["train"].column_names)
    return found


def arrow():
    """Types are those of the schema; numbers are the same in every format."""
    table = pyarrow.parquet.read_table(PARQUET, columns=["n", "size", "observation", "reward_usd"])
    return {
        "rows": table.num_rows,
        "size": str(table.schema.field("size").type),
        "observation": str(table.schema.field("observation").type),
    }


def duck():
    """CSV with missing values, quotes and line ends; sums against Parquet."""
    csv = f"read_csv('{EXPORTS}/csv/*.csv', header = true, nullstr = '')"
    parquet = f"read_parquet('{EXPORTS}/parquet/*.parquet')"
    ask = "select count(*), count(reward_usd), sum(n), max(reward_usd), min(error) from "
    return {"csv": duckdb.sql(ask + csv).fetchone(), "parquet": duckdb.sql(ask + parquet).fetchone()}


def minari_episodes():
    """Episodes of T actions have T + 1 observations; a step that failed ends what came before it."""
    import minari
    from minari.data_collector import EpisodeBuffer

    columns = ["episode", "step", "action", "observation", "next_observation", "reward_coin", "terminated"]
    rows = pyarrow.parquet.read_table(PARQUET, columns=columns).to_pylist()
    actions = {"DO_NOTHING": 0, "OPEN_COVERED_CALL": 1, "ROLL_COVERED_CALL": 2, "CLOSE_COVERED_CALL": 3}
    floats = lambda values: numpy.array([numpy.nan if v is None else v for v in values], dtype=numpy.float64)
    episodes = {}
    for row in rows:
        episodes.setdefault(row["episode"], []).append(row)
    buffers = []
    for steps in episodes.values():
        steps.sort(key=lambda row: row["step"])
        if any(row["action"] is None for row in steps):
            continue
        seen = [floats(row["observation"]) for row in steps] + [floats(steps[-1]["next_observation"])]
        ends = [row["terminated"] for row in steps]
        buffers.append(
            EpisodeBuffer(
                id=len(buffers),
                observations=numpy.stack(seen),
                actions=numpy.array([actions[row["action"]] for row in steps]),
                rewards=[row["reward_coin"] for row in steps],
                terminations=ends,
                truncations=[False] * (len(steps) - 1) + [not ends[-1]],
            )
        )
    import gymnasium.spaces as spaces

    box = spaces.Box(-numpy.inf, numpy.inf, (len(rows[0]["observation"]),), numpy.float64)
    made = minari.create_dataset_from_buffers(
        dataset_id="thetaq/export-v0",
        data_format="arrow",
        buffer=buffers,
        observation_space=box,
        action_space=spaces.Discrete(4),
        algorithm_name="rules",
        code_permalink="https://localhost/",
        author="thetaq",
        author_email="thetaq@localhost",
        description="made-up",
    )
    made = minari.load_dataset("thetaq/export-v0")
    return {"episodes": int(made.total_episodes), "steps": int(made.total_steps)}


print(json.dumps({"datasets": hugging_face(), "arrow": arrow(), "duckdb": duck(), "minari": minari_episodes()}))
