//! Training and exports: forms become jobs, the jobs pages with what is thin, what policies are worth, and files.

use super::{Dashboard, each_db};
use reqwest::{Client, Response, StatusCode, header};
use serde_json::Value;
use thetaq::db::{access, jobs, training};

const MARKET: &str = "source=synthetic&market_seed=web&from=2026-01-05&to=2026-01-20&interval_ms=21600000\
    &train_share=1&validation_share=0&explore_prob=0.5&json=%7B%22open_interest_min%22%3A0%7D";

async fn start(desk: &Dashboard, client: &Client, kind: &str, fields: &str) -> Response {
    client
        .post(desk.url(&format!("/training/start/{kind}")))
        .header(header::ACCEPT, "text/html")
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(fields.to_owned())
        .send()
        .await
        .unwrap()
}

/// The address a form leads to.
async fn place(answer: Response) -> String {
    let status = answer.status();
    let place = answer.headers().get(header::LOCATION).cloned();
    let text = answer.text().await.unwrap();
    assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
    place.unwrap().to_str().unwrap().to_owned()
}

/// A dataset of both coins and two profiles, made from its form.
async fn dataset(desk: &Dashboard, client: &Client) -> training::DatasetRow {
    let chosen = "coin=BTC&coin=ETH&profile=moderate&profile=bold";
    let answer = start(desk, client, "train", &format!("{MARKET}&{chosen}")).await;
    let place = place(answer).await;
    assert!(desk.page(client, &place).await.contains("available"));
    let list = desk.page(client, "/training").await;
    assert!(list.contains("Working and waiting") && list.contains(&place));
    desk.drain().await;
    let job = place.trim_start_matches("/training/");
    let row = training::of_job(&desk.ctx.db, job).await.unwrap();
    row.expect("the job made a dataset")
}

async fn desk(db: &crate::support::TestDb) -> (Dashboard, Client, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let own = "[profiles.bold]\ntarget_delta = 0.5\ndelta_min = 0.45\ndelta_max = 0.6\ndte_min = 1\ndte_max = 4";
    let settings = format!("[export]\ndir = \"{}\"\n{own}", folder.path().display());
    let desk = Dashboard::with(db, &settings).await;
    let client = desk.browser().await;
    (desk, client, folder)
}

async fn rows(desk: &Dashboard, client: &Client, address: &str) -> Vec<Value> {
    serde_json::from_str(&desk.page(client, address).await).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_becomes_a_dataset_that_shows_where_it_is_thin() {
    each_db(async |db| {
        let (desk, client, _folder) = desk(&db).await;
        let empty = desk.page(&client, "/training").await;
        assert!(empty.contains("No dataset yet") && empty.contains("delta 0.45 to 0.6"));
        let row = dataset(&desk, &client).await;
        let path = format!("/training/{}", row.id);
        let list = rows(&desk, &client, "/training?table=datasets&format=json").await;
        assert_eq!(list[0]["rows"], row.rows);
        assert!(list[0]["mean_reward_usd"].is_number(), "{list:?}");
        let page = desk.page(&client, &path).await;
        for part in [
            "By action",
            "By regime",
            "by delta",
            "Splits",
            "fill the gap",
            "held_moneyness",
        ] {
            assert!(page.contains(part), "{part}");
        }
        let actions = rows(&desk, &client, &format!("{path}?table=actions&format=json")).await;
        let sum = |rows: &[Value]| {
            rows.iter()
                .map(|one| one["rows"].as_i64().unwrap())
                .sum::<i64>()
        };
        assert_eq!(sum(&actions), row.rows);
        let one = rows(
            &desk,
            &client,
            &format!("{path}?coin=ETH&reward=reward_coin&table=regimes&format=json"),
        )
        .await;
        assert!(sum(&one) * 2 == row.rows && one.iter().any(|one| one["mean_reward"].is_number()));
        let days = rows(&desk, &client, &format!("{path}?table=dte&format=json")).await;
        let bold = |bucket: &str| {
            let mut found = days.iter().filter(|one| one["profile"] == "bold");
            found.find(|one| one["column"] == bucket).unwrap()["thin"].clone()
        };
        assert_eq!(
            (bold("01-03"), bold("14-30")),
            (true.into(), false.into()),
            "outside its band"
        );
        let known = rows(
            &desk,
            &client,
            &format!("{path}?table=features&format=json"),
        )
        .await;
        let share = |name: &str| {
            known.iter().find(|one| one["name"] == name).unwrap()["null_share"]
                .as_f64()
                .unwrap()
        };
        assert!(share("index_price") < 1e-9 && share("held_dte") > 0.0);
        let (_, fill) = page
            .split_once("fill the gap")
            .map(|(before, _)| before.rsplit_once("href=\"").unwrap())
            .unwrap();
        let fill = fill.replace("&#x2f;", "/").replace("&amp;", "&");
        let fill = fill.split_once("#new").unwrap().0.to_owned();
        let form = desk.page(&client, &fill).await;
        assert!(
            form.contains("every field copied from") && form.contains("More rows of "),
            "{fill}"
        );
        assert!(form.contains("name=\"explore_prob\" value=\"0.5\"") && form.contains("-fill\""));
        let audits = access::audits(&desk.ctx.db, 10).await.unwrap();
        assert!(audits.iter().any(|row| row.action == "train"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_paged_and_policies_judged_in_one_currency() {
    each_db(async |db| {
        let (desk, client, _folder) = desk(&db).await;
        let row = dataset(&desk, &client).await;
        let path = format!("/training/{}", row.id);
        let second = rows(
            &desk,
            &client,
            &format!("{path}/rows?from=50&table=rows&format=json"),
        )
        .await;
        assert_eq!((second[0]["n"].as_i64(), second.len()), (Some(50), 50));
        let last = desk
            .page(&client, &format!("{path}/rows?from={}", row.rows))
            .await;
        assert!(last.contains("Back to the first"));

        let asked = format!("dataset={}&policy=greedy", row.id);
        let mixed = start(
            &desk,
            &client,
            "evaluate",
            &format!("{asked}&reward=reward_coin&underlying="),
        )
        .await;
        assert_eq!(mixed.status(), StatusCode::BAD_REQUEST);
        let text = mixed.text().await.unwrap();
        assert!(
            text.contains("do not add up") && text.contains("reward_usd"),
            "{text}"
        );
        for fields in [
            "&underlying=ETH",
            "&reward=reward_usd",
            "&reward=reward_usd&underlying=BTC&profile=bold",
        ] {
            let answer = start(&desk, &client, "evaluate", &format!("{asked}{fields}")).await;
            assert_eq!(place(answer).await, format!("{path}/policies"));
        }
        assert!(
            desk.page(&client, &format!("{path}/policies"))
                .await
                .contains("available")
        );
        desk.drain().await;
        let page = desk.page(&client, &format!("{path}/policies")).await;
        for part in [
            "class=\"whisker run1\"",
            "reward coin an episode, ETH",
            "reward usd an episode, USD",
            "Effective episodes",
        ] {
            assert!(page.contains(part), "{part}");
        }
        let estimates = rows(
            &desk,
            &client,
            &format!("{path}/policies?table=estimates&format=json"),
        )
        .await;
        let stored = training::evaluations(&desk.ctx.db, Some(&row.id), 9)
            .await
            .unwrap();
        assert_eq!(estimates.len(), 3);
        assert!(estimates.iter().any(|one| one["underlying"] == "ETH"));
        let episodes = |underlying: Option<&str>| {
            let mut found = stored
                .iter()
                .filter(|one| one.underlying.as_deref() == underlying);
            found.next().unwrap().episodes
        };
        let (both, eth, bold) = (episodes(None), episodes(Some("ETH")), episodes(Some("BTC")));
        assert!(eth < both && bold < both - eth, "{stored:?}");
        let warned = stored
            .iter()
            .find_map(|one| one.overlap_warning.clone())
            .unwrap();
        assert!(page.contains(warned.split(';').next().unwrap()), "{warned}");
        let job = desk.page(&client, &format!("/jobs/{}", row.job)).await;
        assert!(job.contains(&path));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_previewed_then_started_and_its_files_are_linked() {
    each_db(async |db| {
        let (desk, client, _folder) = desk(&db).await;
        let row = dataset(&desk, &client).await;
        let empty = desk.page(&client, "/exports").await;
        assert!(empty.contains("No export yet"));
        let asked = format!("dataset={}&kind=transitions&as=csv&out=march", row.id);
        let address = format!("/exports?{asked}");
        let preview = desk.page(&client, &address).await;
        for part in [
            format!("{} rows, about", row.rows),
            "Start the export".to_owned(),
            "reward_versus_holding".to_owned(),
        ] {
            assert!(preview.contains(&part), "{part}");
        }
        let first = rows(
            &desk,
            &client,
            &format!("{address}&table=first&format=json"),
        )
        .await;
        assert_eq!(first.len(), 5);
        let strict = desk.page(&client, &format!("{address}&strict=yes")).await;
        assert!(
            strict.contains("The linter stops this export") && !strict.contains("Start the export")
        );
        let place = place(start(&desk, &client, "export", &asked).await).await;
        desk.drain().await;
        let page = desk.page(&client, &place).await;
        assert!(
            page.contains("data-00000.csv") && page.contains("Dataset card"),
            "{page}"
        );
        let file = desk
            .get(&client, &format!("{place}/data-00000.csv"))
            .await
            .text()
            .await
            .unwrap();
        assert_eq!(file.lines().count() as i64, row.rows + 1);
        let list = rows(&desk, &client, "/exports?table=exports&format=json").await;
        assert_eq!(
            (&list[0]["state"], &list[0]["rows"]),
            (&"done".into(), &row.rows.into())
        );

        let question = desk
            .page(&client, "/exports?query=equity_by_day&as=jsonl")
            .await;
        assert!(question.contains("name=\"param.underlying\""));
        for (asked, said) in [
            ("sql=select+hash+from+tokens&as=csv", "views"),
            ("sql=drop+table+jobs&as=csv", "select"),
            ("sql=select+1&query=refusals", "not several"),
            ("query=nothing", "there is no question"),
            ("dataset=nothing", "there is no dataset nothing"),
        ] {
            let page = desk.page(&client, &format!("/exports?{asked}")).await;
            assert!(
                page.contains("notice bad") && page.contains(said),
                "{asked}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_started_names_its_field() {
    each_db(async |db| {
        let (desk, client, _folder) = desk(&db).await;
        for (kind, fields, said) in [
            (
                "train",
                "source=synthetic&coin=BTC&profile=wild",
                "profiles: `wild`",
            ),
            (
                "train",
                "source=synthetic&profile=moderate",
                "underlyings: name BTC",
            ),
            (
                "train",
                "source=synthetic&coin=BTC&profile=all&train_share=2",
                "are not shares",
            ),
            ("train", "coin=BTC&profile=all", "source: choose"),
            (
                "evaluate",
                "dataset=none&policy=greedy",
                "That dataset is not here",
            ),
            ("export", "sql=select+1&out=..%2Foutside", "inside"),
            ("export", "as=csv", "choose a dataset"),
            (
                "export",
                "dataset=x&kind=chat&as=csv",
                "format: chat is jsonl",
            ),
        ] {
            let answer = start(&desk, &client, kind, fields).await;
            assert!(answer.status().is_client_error(), "{fields}");
            let text = answer.text().await.unwrap();
            assert!(text.contains(said), "{fields}: {text}");
        }
        let counts = jobs::counts(&desk.ctx.db, "live").await.unwrap();
        assert!(counts.is_empty(), "{counts:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_collection_is_begun_and_stopped_on_its_pages() {
    each_db(async |db| {
        let (desk, client, _folder) = desk(&db).await;
        let form = desk.page(&client, "/training?new=1").await;
        assert!(form.contains("live: every tick of the desk"));
        let begun = start(
            &desk,
            &client,
            "train",
            "source=live&coin=BTC&profile=moderate",
        )
        .await;
        let place = place(begun).await;
        desk.drain().await;
        let row = training::collecting(&desk.ctx.db, &desk.ctx.desk)
            .await
            .unwrap();
        let row = row.expect("the desk collects");
        let page = desk.page(&client, &place).await;
        for part in ["Collecting live", "Stop collecting", "none yet"] {
            assert!(page.contains(part), "{part}");
        }
        assert!(
            !page.contains("Done "),
            "the job that began it is done, it is not"
        );
        let asked = format!("dataset={}", row.id);
        let stopped = start(&desk, &client, "stop", &asked).await;
        assert_eq!(self::place(stopped).await, format!("/training/{}", row.id));
        desk.drain().await;
        let page = desk.page(&client, &place).await;
        assert!(!page.contains("Stop collecting"), "it has ended");
        let begun = start(
            &desk,
            &client,
            "train",
            "source=live&market_seed=7&coin=BTC&profile=moderate",
        );
        let begun = begun.await;
        assert_eq!(begun.status(), StatusCode::BAD_REQUEST);
        assert!(begun.text().await.unwrap().contains("market_seed: "));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_that_takes_long_offers_the_export_as_a_job() {
    let test = crate::support::sqlite().await;
    let (desk, client, _folder) = desk(&test).await;
    crate::support::dataset::seed(&test.url, 2_000).await;
    // Eight billion rows.
    let sql = "select+a.n+as+n+from+v_training+a,+v_training+b,+v_training+c";
    let page = desk
        .page(&client, &format!("/exports?sql={sql}&as=csv"))
        .await;
    assert!(page.contains("This takes longer than 10 s"), "{page}");
    assert!(page.contains("Start the export") && page.contains("name=\"as\" value=\"csv\""));
}
