//! `pbx-exporter`: the exporter's own health.

use serde_json::json;

use super::build::{Dashboard, RUNBOOKS, link, steps, words};
use super::panel::Panel;

pub fn exporter() -> String {
    Dashboard::new(
        "pbx-exporter",
        "PBX exporter",
        "The exporter's own health: whether the other dashboards can be trusted.",
    )
    .row(4, [(4, up()), (4, targets()), (4, reload()), (4, reloaded()), (4, uptime()), (4, panics())])
    .row(5, [(24, build())])
    .heading("Probes")
    .row(8, [(12, wait()), (12, heat())])
    .row(8, [(8, in_flight()), (8, overruns()), (8, load())])
    .heading("Process")
    .row(8, [(8, cpu()), (8, memory()), (8, files())])
    .row(8, [(8, log_events()), (8, threads()), (8, scrapes())])
    .heading("Its own pages")
    .row(8, [(8, connections()), (8, accept_errors()), (8, web_config())])
    .finish()
}

fn up() -> Panel {
    let state = [("0", "Down", "red"), ("1", "Up", "green")];
    Panel::stat(
        "Exporter",
        "none",
        "Whether Prometheus reaches all selected exporters.",
        steps("red", &[(1.0, "green")]),
    )
    .default("mappings", words(state))
    .now("min(up{E})", "up")
    .links(&[link("Runbook", &format!("{RUNBOOKS}PbxExporterDown.md"))])
}

fn targets() -> Panel {
    Panel::stat("Targets", "none", "Targets in the current configuration.", steps("text", &[]))
        .now("sum(pbx_exporter_targets{E})", "targets")
}

fn reload() -> Panel {
    let state = [("0", "Failed", "red"), ("1", "In force", "green")];
    Panel::stat(
        "Configuration",
        "none",
        "Whether the configuration was last read successfully; if not, the old one is still in use.",
        steps("red", &[(1.0, "green")]),
    )
    .default("mappings", words(state))
    .now("min(pbx_exporter_config_last_reload_successful{E})", "reload")
    .links(&[link("Runbook", &format!("{RUNBOOKS}PbxExporterReloadFailed.md"))])
}

fn reloaded() -> Panel {
    Panel::stat(
        "Last read",
        "s",
        "Time since the configuration was last read successfully; the longest.",
        steps("text", &[]),
    )
    .default("decimals", json!(0))
    .now("max(time() - pbx_exporter_config_last_reload_success_timestamp_seconds{E})", "last read")
}

fn uptime() -> Panel {
    Panel::stat(
        "Uptime",
        "s",
        "Time since the exporter started; the shortest. A restart takes new tokens.",
        steps("text", &[]),
    )
    .default("decimals", json!(0))
    .now("min(time() - process_start_time_seconds{E})", "uptime")
}

fn panics() -> Panel {
    Panel::stat(
        "Panics",
        "none",
        "Panics in tasks since the exporter started: each is a bug; please report it with its log.",
        steps("green", &[(1.0, "red")]),
    )
    .now("sum(pbx_exporter_panics_total{E})", "panics")
    .links(&[link("Runbook", &format!("{RUNBOOKS}PbxExporterPanicked.md"))])
}

fn build() -> Panel {
    Panel::table("Builds", "What each exporter was built from, and how many samples it exports.")
        .instant("max by (job, instance, version, revision, rustversion) (pbx_exporter_build_info{E})")
        .instant("max by (job, instance) (pbx_exporter_targets{E})")
        .instant("max by (job, instance) (scrape_samples_scraped{E})")
        .columns(&[
            ("instance", "Exporter"),
            ("job", "Job"),
            ("version", "Version"),
            ("revision", "Revision"),
            ("rustversion", "Rust"),
            ("B", "Targets"),
            ("C", "Samples a scrape"),
        ])
        .field("Exporter", &[("links", json!([link("Its page", "http://${__value.raw}/")]))])
}

fn wait() -> Panel {
    let quantile = |q: f64| {
        format!(
            "histogram_quantile({q}, sum by (le) (rate(pbx_exporter_probe_wait_seconds_bucket{{E}}[$__rate_interval])))"
        )
    };
    let rate = |of: &str| format!("sum(rate(pbx_exporter_probe_wait_seconds_{of}{{E}}[$__rate_interval]))");
    Panel::lines(
        "Wait of due probes",
        "s",
        "From when a probe was due until it started. Seconds mean that the limits on probes in flight are too low for \
         this many targets or for slow ones.",
    )
    .query(&format!("{} / {}", rate("sum"), rate("count")), "mean")
    .query(&quantile(0.5), "median")
    .query(&quantile(0.99), "p99")
}

fn heat() -> Panel {
    Panel::heat(
        "Distribution of waits",
        "Probes a minute by how long they waited from when they were due.",
        "Blues",
        "sum by (le) (rate(pbx_exporter_probe_wait_seconds_bucket{E}[$__rate_interval])) * 60",
    )
}

fn in_flight() -> Panel {
    Panel::lines("Probes in flight", "none", "Probes running at the scrape.")
        .query("pbx_exporter_probes_in_flight{E}", "{{instance}}")
}

fn overruns() -> Panel {
    Panel::bars(
        "Overruns",
        "Probes a minute that became due while the previous one of the same target was still running or waiting.",
    )
    .query("sum by (instance) (rate(pbx_exporter_probe_overruns_total{E}[$__rate_interval])) * 60", "{{instance}}")
}

fn load() -> Panel {
    Panel::bars("Requests to the selected targets", "HTTP requests a minute, by path.")
        .query("sum by (operation) (rate(pbx_requests_total{S}[$__rate_interval])) * 60", "{{operation}}")
}

fn cpu() -> Panel {
    Panel::lines("CPU", "percentunit", "CPU time used; 100 % is one core.")
        .query("rate(process_cpu_seconds_total{E}[$__rate_interval])", "{{instance}}")
}

fn memory() -> Panel {
    Panel::lines("Memory", "bytes", "Resident memory; the address space reserved is on the right axis.")
        .query("process_resident_memory_bytes{E}", "{{instance}} resident")
        .query("process_virtual_memory_bytes{E}", "{{instance}} virtual")
        .fields(
            "byRegexp",
            "/ virtual$/",
            &[("custom.axisPlacement", json!("right")), ("custom.fillOpacity", json!(0))],
        )
}

fn files() -> Panel {
    Panel::lines("Open files", "none", "Open file descriptors, and their limit.")
        .query("process_open_fds{E}", "{{instance}} open")
        .query("process_max_fds{E}", "{{instance}} limit")
        .custom("scaleDistribution", json!({"type": "log", "log": 10}))
        .default("min", json!(1))
        .limit("/ limit$/", "red")
}

fn log_events() -> Panel {
    let fixed = |color: &str| [("color", json!({"mode": "fixed", "fixedColor": color}))];
    Panel::bars("Log events", "Log events a minute by level, down to the configured log level.")
        .query("sum by (level) (rate(pbx_exporter_log_events_total{E}[$__rate_interval])) * 60", "{{level}}")
        .field("error", &fixed("red"))
        .field("warn", &fixed("orange"))
        .field("info", &fixed("green"))
        .field("debug", &fixed("blue"))
        .field("trace", &fixed("text"))
}

fn threads() -> Panel {
    Panel::lines("Threads", "none", "Operating system threads.").query("process_threads{E}", "{{instance}}")
}

fn scrapes() -> Panel {
    Panel::lines("Scrapes", "s", "How long Prometheus's scrapes of the exporter took.")
        .query("scrape_duration_seconds{E}", "{{instance}}")
}

fn connections() -> Panel {
    Panel::lines("Connections", "none", "Connections open to the exporter's own pages.")
        .query("pbx_exporter_connections{E}", "{{instance}}")
}

fn accept_errors() -> Panel {
    Panel::bars(
        "Connections not accepted",
        "Connections a minute that could not be accepted, mostly because no file descriptor was left.",
    )
    .query(
        "sum by (instance) (rate(pbx_exporter_accept_errors_total{E}[$__rate_interval])) * 60",
        "{{instance}}",
    )
}

fn web_config() -> Panel {
    let state = [("0", "Failed", "red"), ("1", "In force", "green")];
    Panel::stat(
        "Web configuration",
        "none",
        "Whether the newest reading of the web configuration succeeded; where it failed, the last good one is in force.",
        steps("red", &[(1.0, "green")]),
    )
    .default("mappings", words(state))
    .now("min(pbx_exporter_web_config_last_reload_successful{E})", "web configuration")
    .links(&[link("Runbook", &format!("{RUNBOOKS}PbxExporterReloadFailed.md"))])
}
