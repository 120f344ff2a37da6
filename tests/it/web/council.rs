//! The page of the council: how to have one, what its policies came to, and the same as files.

use super::{Dashboard, each_db};
use serde_json::Value;

const COUNCIL: &str = "[council]\npolicies = [\"rules_v2\", \"random\", \"never\"]";

#[tokio::test(flavor = "multi_thread")]
async fn the_council_shows_what_each_policy_would_have_done() {
    each_db(async |db| {
        let empty = Dashboard::start(&db).await;
        let client = empty.browser().await;
        let page = empty.page(&client, "/council").await;
        assert!(
            page.contains("Nobody has been asked yet") && page.contains("policies = ["),
            "{page}"
        );
        let desk = Dashboard::with(&db, COUNCIL).await;
        desk.seed().await;
        let page = desk.page(&desk.browser().await, "/council?coin=BTC").await;
        for part in [
            "Last ticks of BTC",
            "rules v2",
            "random",
            "never",
            "Against holding",
            "/decisions/",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert!(
            !page.contains("Last ticks of ETH"),
            "one coin was asked for"
        );
        let client = desk.browser().await;
        let both = desk.page(&client, "/council").await;
        for part in ["Policies on BTC", "all coins", "Last ticks of ETH"] {
            assert!(both.contains(part), "{part} in {both}");
        }
        assert!(
            both.contains("Policies on ETH") || both.contains("No opinion on a tick of ETH yet"),
            "{both}"
        );
        let table = desk
            .page(&client, "/council?coin=BTC&table=judged&format=json")
            .await;
        let rows: Vec<Value> = serde_json::from_str(&table).unwrap();
        let never = rows.iter().find(|row| row["policy"] == "never").unwrap();
        assert_eq!((&never["traded"], &never["scored"]), (&0.into(), &0.into()));
        assert_eq!(
            never["versus_holding"],
            Value::Null,
            "not known yet is not 0"
        );
        let csv = desk
            .page(&client, "/council?coin=BTC&table=opinions&format=csv")
            .await;
        assert!(
            csv.starts_with("decision,underlying,as_of_ms,policy"),
            "{csv}"
        );
    })
    .await;
}
