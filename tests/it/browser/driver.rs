//! chromedriver and chromium: started for one test, ended with it.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use thirtyfour::prelude::*;

/// A running chromedriver; killed when dropped, and its browsers with it.
pub(super) struct Driver {
    child: Child,
    address: String,
    profile: tempfile::TempDir,
}

const STARTED: &str = "started successfully on port ";

impl Driver {
    /// `None` where no chromium is installed; a failure where `CI` is set.
    pub(super) fn start() -> Option<Self> {
        let found = |name: &str| Command::new(name).arg("--version").output().is_ok();
        if !(found("chromium") && found("chromedriver")) {
            assert!(
                std::env::var_os("CI").is_none(),
                "install chromium and chromium-driver"
            );
            eprintln!("skipped: chromium and chromedriver are not installed");
            return None;
        }
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains(STARTED) {
            line.clear();
            assert!(
                output.read_line(&mut line).unwrap() > 0,
                "chromedriver ended before it was ready"
            );
        }
        let port = line
            .split(STARTED)
            .nth(1)
            .unwrap()
            .trim()
            .trim_end_matches('.')
            .to_owned();
        // A full pipe would stop the driver.
        std::thread::spawn(move || output.read_to_end(&mut Vec::new()));
        Some(Self {
            child,
            address: format!("http://127.0.0.1:{port}"),
            profile: tempfile::tempdir().unwrap(),
        })
    }

    pub(super) async fn browser(&self) -> WebDriver {
        let mut wanted = DesiredCapabilities::chrome();
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        for argument in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
            &profile,
        ] {
            wanted.add_arg(argument).unwrap();
        }
        let logs = json!({"browser": "ALL"});
        wanted.set("goog:loggingPrefs", logs).unwrap();
        crate::support::cryptography();
        WebDriver::new(&self.address, wanted).await.unwrap()
    }

    /// Errors of the browser's console so far: blocked scripts and styles, failed requests.
    pub(super) async fn console(&self, browser: &WebDriver) -> Vec<String> {
        let path = format!("{}/session/{}/se/log", self.address, browser.session_id());
        let request = crate::support::http()
            .build()
            .unwrap()
            .post(path)
            .json(&json!({"type": "browser"}));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let lines = answer["value"]
            .as_array()
            .expect("the driver gives its log")
            .clone();
        let severe = lines.into_iter().filter(|line| line["level"] == "SEVERE");
        severe.map(|line| line["message"].to_string()).collect()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The size of the page itself, as a phone of that width has it; a headless window has a least width.
pub(super) async fn resize(browser: &WebDriver, width: u32, height: u32) {
    let phone = width < 600;
    let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
    let set = "Emulation.setDeviceMetricsOverride";
    browser.cdp().send_raw(set, size).await.unwrap();
}

/// Saves the whole page as NAME.png when `THETAQ_SCREENSHOTS` names a folder.
pub(super) async fn picture(browser: &WebDriver, name: &str, width: u32) {
    let Some(folder) = std::env::var_os("THETAQ_SCREENSHOTS").map(PathBuf::from) else {
        return;
    };
    std::fs::create_dir_all(&folder).unwrap();
    let script = "return document.documentElement.scrollHeight";
    let height: u32 = browser
        .execute(script, Vec::new())
        .await
        .unwrap()
        .convert()
        .unwrap();
    resize(browser, width, height.clamp(600, 6_000)).await;
    browser
        .screenshot(&folder.join(format!("{name}.png")))
        .await
        .unwrap();
}
