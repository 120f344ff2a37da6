//! The actions by name, and the fields that they read.

/// One thing a person may do.
#[derive(Debug)]
pub(in crate::web) struct Action {
    pub name: &'static str,
    pub about: &'static str,
    /// Comes from the confirmation page and nowhere else; programs send `confirmed`.
    pub(super) confirmed: bool,
}

const fn action(name: &'static str, about: &'static str) -> Action {
    Action {
        name,
        about,
        confirmed: false,
    }
}

const fn dangerous(name: &'static str, about: &'static str) -> Action {
    Action {
        name,
        about,
        confirmed: true,
    }
}

pub(in crate::web) const ACTIONS: &[Action] = &[
    action("start", "The desk runs."),
    action(
        "pause",
        "Open positions are managed, nothing new is opened.",
    ),
    dangerous("stop", "Ticks do nothing; expiries are still settled."),
    dangerous("kill", "Nothing opens, working orders are taken back."),
    action("kill-off", "The kill switch is off again."),
    action(
        "close-only",
        "`on` yes: closing only; `on` no: entries are allowed.",
    ),
    dangerous(
        "send-orders",
        "Ends the dry run: the desk stops and takes the account's book over.",
    ),
    dangerous(
        "dry-run",
        "Working orders are taken back and the desk stops; fills then come from the fill model.",
    ),
    dangerous("close", "Buys back the short call `instrument`."),
    dangerous("close-all", "Buys back every short call."),
    dangerous("cancel-orders", "Takes every working order back."),
    action("replay", "Makes the decision `id` again and compares."),
    action(
        "job-retry",
        "Grants the ended job `id` one more attempt; its history stays.",
    ),
    action("job-again", "Enqueues a copy of the job `id`."),
    action(
        "job-cancel",
        "Cancels the job `id`, or asks it to stop when it runs.",
    ),
    action(
        "job-pause",
        "Holds the job `id` back; a running one stores where it is first, if its kind can.",
    ),
    action(
        "job-resume",
        "Lets the paused job `id` go on from where it stopped.",
    ),
    action(
        "job-priority",
        "Sets the `priority` of the waiting job `id`.",
    ),
    action(
        "draft-confirm",
        "Starts the job that the draft `id` of a conversation proposes.",
    ),
    action("draft-dismiss", "The draft `id` is not wanted."),
    action(
        "insight",
        "A model writes about the `run`, `about` being backtest, sweep, or comparison (of two).",
    ),
    action("jobs", "`do` retry or cancel, for every `id` of the list."),
    dangerous(
        "jobs-retry-all",
        "Retries every job that the search `q` finds, at most 1000.",
    ),
    dangerous(
        "jobs-cancel-all",
        "Cancels every job that the search `q` finds, at most 1000.",
    ),
    action(
        "queue-pause",
        "No job of the queue `id` starts; running ones go on.",
    ),
    action("queue-resume", "Jobs of the queue `id` start again."),
    action(
        "schedule-run",
        "Runs the schedule `id` now, outside of its slots.",
    ),
    action("schedule-pause", "The schedule `id` makes no jobs."),
    action(
        "schedule-resume",
        "The schedule `id` goes on with its next slot.",
    ),
];

/// Fields that actions read, for the API's description.
pub(in crate::web) const FIELDS: &[(&str, &str)] = &[
    (
        "confirmed",
        "yes, for the dangerous ones: stop, kill, send-orders, dry-run, close, close-all, cancel-orders, jobs-*-all.",
    ),
    (
        "id",
        "Id of the job or decision, name of the queue or schedule; a list for `jobs`.",
    ),
    ("instrument", "Full name of the contract, for close."),
    ("about", "backtest, sweep or comparison, for insight."),
    (
        "run",
        "Id of a backtest or a sweep, for insight; two for a comparison.",
    ),
    ("on", "yes or no, for close-only."),
    ("do", "retry or cancel, for jobs."),
    ("priority", "A whole number, for job-priority."),
    ("q", "A search as on the Jobs page, for jobs-*-all."),
];
