//! The whole of it: a page is edited on the host, and the browser shows it.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::folder::Folder;
use crate::{
    Invocation, Machine,
    cases::ports::{container::Container, place, probe},
    until,
};

/// A page that shows a text which it asks for.
const PAGE: &str = "<!doctype html><title>a page</title><h1>EDITION edition</h1><p id=text>none</p>\n\
                    <script>fetch('text.txt').then(answer => answer.text()).then(text => {\n\
                    document.getElementById('text').textContent = 'it says ' + text.trim() })</script>\n";

fn edition(number: &str) -> String {
    PAGE.replace("EDITION", number)
}

/// A site in the home folder, a container that serves it, and its port.
fn serve<'a>(machine: &'a Machine, name: &'a str) -> Result<(Folder, Container<'a>, u16)> {
    let site = Folder::at_home(machine, name)?;
    site.write("index.html", edition("first"))?;
    site.write("text.txt", "hello\n")?;
    let port = place::free_port()?;
    let (publish, bind) = (format!("{port}:80"), site.bind("/www:ro"));
    let options = ["-p", &publish, "-v", &bind];
    let container = Container::run(machine, name, &options, "exec httpd -f -p 80 -h /www")?;
    Ok((site, container, port))
}

/// Waits until the page is served at every address of `localhost`.
fn wait_page(machine: &Machine, port: u16, page: &str) -> Result<()> {
    for ip in place::localhosts() {
        let mut last = None;
        let served = until("the page", machine.driver.patience(), || {
            last = Some(probe::get(ip, port));
            Ok(matches!(&last, Some(Ok(answer)) if answer.ends_with(page)))
        });
        served.with_context(|| format!("the last answer was {last:?}"))?;
    }
    Ok(())
}

pub fn served_page_is_edited(machine: &Machine) -> Result<()> {
    let (site, _container, port) = serve(machine, "site")?;
    wait_page(machine, port, &edition("first"))?;
    site.write("index.html", edition("second"))?;
    wait_page(machine, port, &edition("second"))?;
    site.replace("index.html", edition("third"))?;
    wait_page(machine, port, &edition("third"))
}

pub fn browser_shows_the_edit(machine: &Machine) -> Result<()> {
    let (site, _container, port) = serve(machine, "browsed")?;
    wait_page(machine, port, &edition("first"))?;
    shown(machine, port, &["first edition", "it says hello"])?;
    site.replace("index.html", edition("second"))?;
    site.write("text.txt", "goodbye\n")?;
    wait_page(machine, port, &edition("second"))?;
    shown(machine, port, &["second edition", "it says goodbye"])
}

/// Opens the page in a browser without a window, until it shows the words.
fn shown(machine: &Machine, port: u16, words: &[&str]) -> Result<()> {
    let profile = machine.home.path().join("browser");
    let mut last = String::new();
    let shown = until(
        &format!("a browser showing {words:?}"),
        machine.driver.patience(),
        || {
            let mut browser = machine.home.command(Path::new("chromium"));
            browser
                .args([
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                    "--no-first-run",
                ])
                .args([
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-extensions",
                ])
                .arg(format!("--user-data-dir={}", profile.display()))
                // Its scripts' own time, which stands still while something is loaded.
                .args(["--virtual-time-budget=10000", "--dump-dom"])
                .arg(format!("http://localhost:{port}/"));
            let output = Invocation::new(browser, machine.home.journal().clone())
                .run()
                .context("the package chromium has it, and `cargo xtask e2e` installs that")?
                .success()?;
            last = output.text();
            Ok(words.iter().all(|word| last.contains(word)))
        },
    );
    shown.with_context(|| format!("it shows {last}"))?;
    ensure!(last.contains("<title>a page</title>"));
    Ok(())
}
