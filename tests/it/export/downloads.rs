//! Files over HTTP: whole, in ranges, only those that an export lists, only for those who may enter.

use super::{Desk, files, of_dataset, paths};
use crate::support::dataset::seed;
use crate::support::{http, sqlite};
use reqwest::{Client, StatusCode, header};
use serde_json::json;
use thetaq::web;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn downloads_go_on_where_they_were_cut_off() {
    let test = sqlite().await;
    seed(&test.url, 500).await;
    let desk = Desk::over(&test);
    let report = desk
        .export(of_dataset("transitions", "jsonl", json!({})))
        .await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    tokio::spawn(web::serve(desk.ctx.clone(), listener, stop.clone()));
    let token = web::create_token(&desk.ctx, "downloads").await.unwrap();
    let client = http().build().unwrap();
    let job = report["job"].as_str().unwrap();
    let (name, _, sha256) = files(&report).remove(0);
    let url = format!("{base}/exports/{job}/{name}");
    let ask = |client: &Client, url: &str| {
        client
            .get(url)
            .bearer_auth(&token)
            .header(header::ACCEPT_ENCODING, "gzip")
    };
    let whole = ask(&client, &url).send().await.unwrap();
    assert_eq!(whole.status(), StatusCode::OK);
    let tag = whole.headers()[header::ETAG].to_str().unwrap().to_owned();
    assert_eq!(
        (tag.as_str(), &whole.headers()[header::ACCEPT_RANGES]),
        (
            format!("\"{sha256}\"").as_str(),
            &header::HeaderValue::from_static("bytes")
        )
    );
    assert!(!whole.headers().contains_key(header::CONTENT_ENCODING));
    let on_disk = std::fs::read(&paths(&report)[0]).unwrap();
    assert_eq!(whole.content_length(), Some(on_disk.len() as u64));
    assert_eq!(whole.bytes().await.unwrap(), on_disk);
    // The first half, then the rest of the same version.
    let half = on_disk.len() / 2;
    let first = ask(&client, &url).header(header::RANGE, format!("bytes=0-{}", half - 1));
    let first = first.send().await.unwrap();
    assert_eq!(first.status(), StatusCode::PARTIAL_CONTENT);
    let expect = format!("bytes 0-{}/{}", half - 1, on_disk.len());
    assert_eq!(first.headers()[header::CONTENT_RANGE], expect.as_str());
    let rest = ask(&client, &url).header(header::RANGE, format!("bytes={half}-"));
    let rest = rest.header(header::IF_RANGE, &tag).send().await.unwrap();
    let joined = [first.bytes().await.unwrap(), rest.bytes().await.unwrap()].concat();
    assert_eq!(joined, on_disk);
    // Another version is sent whole.
    let other = ask(&client, &url)
        .header(header::RANGE, "bytes=5-")
        .header(header::IF_RANGE, "\"old\"");
    assert_eq!(other.send().await.unwrap().status(), StatusCode::OK);
    let beyond = ask(&client, &url).header(header::RANGE, format!("bytes={}-", on_disk.len()));
    let beyond = beyond.send().await.unwrap();
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(
        beyond.headers()[header::CONTENT_RANGE],
        format!("bytes */{}", on_disk.len()).as_str()
    );
    let known = ask(&client, &url)
        .header(header::IF_NONE_MATCH, &tag)
        .send()
        .await
        .unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    for there in ["manifest.json", "README.md"] {
        let answer = ask(&client, &format!("{base}/exports/{job}/{there}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{there}");
    }
    for missing in ["nothing.csv", "..%2F..%2Fthetaq.db", "%2Fetc%2Fpasswd"] {
        let answer = ask(&client, &format!("{base}/exports/{job}/{missing}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{missing}");
    }
    let stranger = client.get(&url).send().await.unwrap();
    assert!(stranger.status().is_client_error() || stranger.status().is_redirection());
    let page = ask(&client, &format!("{base}/jobs/{job}")).header(header::ACCEPT, "text/html");
    let page = page.send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    drop(stop);
}
