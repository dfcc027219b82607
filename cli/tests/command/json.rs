//! The lines of JSON, which doc/zmd-output.schema.json describes.

#[cfg(unix)]
use std::io::{BufRead, BufReader, Read};
#[cfg(unix)]
use std::process::Stdio;

use serde_json::Value;
use zmd_sim::{End, Job, Reply};

use crate::program::*;

/// Each line as what the schema calls `of`, which it is.
pub fn lines(of: &str, text: &str) -> Vec<Value> {
    let schema: Value = serde_json::from_str(include_str!("../../../doc/zmd-output.schema.json")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    let lines: Vec<Value> = lines.collect();
    for line in &lines {
        check(line, &schema["$defs"][of], "");
    }
    lines
}

/// The keywords that the schema uses.
fn check(value: &Value, schema: &Value, path: &str) {
    let type_of = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    for (keyword, rule) in schema.as_object().unwrap() {
        let is_valid = match keyword.as_str() {
            "description" => true,
            "type" => rule == type_of || rule.as_array().is_some_and(|types| types.iter().any(|one| one == type_of)),
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_i64().is_none_or(|number| number >= rule.as_i64().unwrap()),
            "maximum" => value.as_i64().is_none_or(|number| number <= rule.as_i64().unwrap()),
            "pattern" => value.as_str().is_none_or(|text| matches(text, rule.as_str().unwrap())),
            "required" => rule.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some()),
            "additionalProperties" => value.as_object().unwrap().keys().all(|key| !schema["properties"][key].is_null()),
            "properties" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    check(value, &rule[key], &format!("{path}.{key}"));
                }
                true
            }
            "items" => {
                value.as_array().into_iter().flatten().for_each(|item| check(item, rule, &format!("{path}[]")));
                true
            }
            _ => panic!("this test does not know the keyword {keyword}"),
        };
        assert!(is_valid, "{path}: {value} is not of {keyword} {rule}");
    }
}

/// Of regular expressions, what the schema uses: `\d`, `{n}`, `[A-Z_]+`, `\.` and characters.
fn matches(text: &str, pattern: &str) -> bool {
    let pattern = pattern.strip_prefix('^').unwrap().strip_suffix('$').unwrap();
    if let Some(prefix) = pattern.strip_suffix("[A-Z_]+") {
        let rest = text.strip_prefix(prefix).unwrap_or_default();
        return !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    }
    let mut plain = pattern.replace("\\.", ".");
    for count in [2, 3, 4] {
        plain = plain.replace(&format!("\\d{{{count}}}"), &"0".repeat(count));
    }
    let zeros: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    zeros == plain
}

#[test]
fn the_keys_are_the_same_for_every_result() {
    let sim = sim();
    let (exit, out, _) = zmd_with(&sim, &["status", "--json", "Leads", "1001"]);
    let line = &lines("job", &out)[0];
    assert_eq!((exit, &line["state"], &line["status"]), (Some(0), &"COMPLETED".into(), &"COMPLETED".into()));
    assert_eq!((&line["total"], &line["deleted"], &line["failed"]), (&9.into(), &9.into(), &0.into()));
    assert_eq!((&line["successful"], &line["error"], &line["http_status"]), (&true.into(), &Value::Null, &200.into()));

    sim.next(Reply::json(200, r#"{"data":[{"Status":"A \"new\"\n\u0001 w\u00f6rd\\"}]}"#));
    let (exit, out, _) = zmd_with(&sim, &["status", "--json", "Leads", "1001"]);
    let line = &lines("job", &out)[0];
    assert_eq!((exit, &line["state"]), (Some(2), &"UNKNOWN".into()));
    assert_eq!(line["status"], "A \"new\" w\u{f6}rd\\");
    assert!(line["total"].is_null() && line["successful"] == false);

    let (exit, out, err) = zmd_with(&sim, &["status", "--json", "Leads:error-NO_PERMISSION", "Leads:1001"]);
    let both = lines("job", &out);
    assert_eq!((exit, both.len()), (Some(4), 2));
    assert_eq!((&both[0]["error"], &both[0]["code"]), (&"ZMD_ERR_FORBIDDEN".into(), &"NO_PERMISSION".into()));
    assert_eq!((&both[0]["http_status"], &both[1]["state"]), (&403.into(), &"COMPLETED".into()));
    assert!(both[0]["state"].is_null() && both[0]["transient"] == false && err.contains("NO_PERMISSION"), "{err}");
    // Without credentials, too.
    let (exit, out, _) = run(zmd("/nonexistent".as_ref(), &[]).args(["status", "--json", "Leads", "1001"]));
    assert_eq!((exit, &lines("job", &out)[0]["error"]), (Some(4), &"ZMD_ERR_INVALID_CONFIG".into()));
}

#[test]
fn a_wait_whose_time_is_over_says_so_with_the_last_status() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(50_000, 10.0));
    let (exit, out, _) = zmd_with(&sim, &["wait", "--json", "--timeout", "0", "Leads", "2"]);
    let line = &lines("job", &out)[0];
    assert_eq!((exit, &line["state"], &line["timed_out"]), (Some(2), &"RUNNING".into(), &true.into()));
    assert_eq!((&line["error"], &line["successful"]), (&"ZMD_ERR_TIMEOUT".into(), &false.into()));
    // The service has not answered: that is not finished, too.
    let (exit, out, _) = zmd_with(&sim, &["wait", "--json", "--timeout", "0.2", "Leads", "fault-stall-in-header"]);
    let line = &lines("job", &out)[0];
    assert_eq!((exit, &line["state"], &line["timed_out"]), (Some(2), &Value::Null, &true.into()));
    assert!(line["elapsed_ms"].as_i64() >= Some(200), "{line}");
}

#[cfg(unix)]
#[test]
fn a_signal_prints_the_last_status_too() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(50_000, 10.0));
    let before = sim.requests();
    let mut command = asking(&sim, &["wait", "--json", "--progress=none", "Leads", "1001", "2"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The result of the one, and a second poll of the other.
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut out = String::new();
    reader.read_line(&mut out).unwrap();
    sim.wait_for_requests(before + 3);
    // SAFETY: the child is ours and not waited for yet.
    unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
    reader.read_to_string(&mut out).unwrap();
    let output = child.wait_with_output().unwrap();
    let both = lines("job", &out);
    assert_eq!((both.len(), &both[0]["job_id"], &both[0]["successful"]), (2, &"1001".into(), &true.into()));
    assert_eq!((&both[1]["state"], &both[1]["error"]), (&"RUNNING".into(), &"ZMD_ERR_CANCELLED".into()));
    assert!(both[1]["timed_out"] == false && String::from_utf8(output.stderr).unwrap().contains("interrupted"));
}

#[test]
fn progress_can_be_json_lines() {
    let sim = sim();
    sim.add_job("Leads", "2", Job { ends: End::Failed, ..Job::new(300, f64::INFINITY) });
    sim.next(running(5, 300));
    let (exit, out, err) = zmd_with(&sim, &["wait", "--json", "--progress=json", "Leads", "2"]);
    let (results, polls) = (lines("job", &out), lines("job", &err));
    assert_eq!((exit, results.len()), (Some(1), 1));
    assert_eq!(polls.len(), 1);
    for poll in polls {
        assert!(poll["event"] == "progress" && poll["state"] == "RUNNING" && poll["next_poll_ms"].is_u64(), "{poll}");
    }
    assert_eq!((&results[0]["event"], &results[0]["state"]), (&"result".into(), &"FAILED".into()));
}

#[test]
fn progress_has_the_forecast_and_results_have_the_credits() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(2000, f64::INFINITY));
    for deleted in [100, 600, 1100] {
        sim.next(running(deleted, 2000));
    }
    let (_, out, err) = zmd_with(&sim, &["wait", "--json", "--progress=json", "Leads", "2"]);
    let (results, polls) = (lines("job", &out), lines("job", &err));
    assert_eq!((polls.len(), &polls[0]["remaining_ms"]), (3, &Value::Null));
    assert!(polls[2]["remaining_ms"].is_u64() && polls[2]["credits_remaining"].is_null(), "{err}");
    assert!(results[0]["remaining_ms"].is_null() && results[0]["credits_remaining"].is_null(), "{out}");
    // The service reports them once half are used.
    sim.limit_credits(5000, 4000);
    let (_, out, _) = zmd_with(&sim, &["status", "--json", "Leads", "1001", "4711"]);
    for line in lines("job", &out) {
        assert!(line["credits_remaining"] == 999 || line["credits_remaining"] == 998, "{line}");
    }
    sim.next(running(5, 2000));
    let (_, _, err) = zmd_with(&sim, &["wait", "--json", "--progress=json", "Leads", "2"]);
    assert_eq!(lines("job", &err)[0]["credits_remaining"], 998);
}

#[test]
fn a_job_that_stands_still_has_its_last_status_and_an_error() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(9, 0.0));
    let stalled = |arguments: &[&str]| run(asking(&sim, arguments).env("ZMD_STALLED_MS", "100"));
    let (exit, out, err) = stalled(&["wait", "--json", "--progress=none", "Leads", "2"]);
    let line = &lines("job", &out)[0];
    assert_eq!((exit, &line["state"], &line["error"]), (Some(4), &"RUNNING".into(), &"ZMD_ERR_STALLED".into()));
    assert!(line["timed_out"] == false && err.contains("stalled_ms (100 ms)"), "{line} {err}");
    sim.add_job("Leads", "3", Job::new(50_000, 10.0));
    let (exit, out, _) = stalled(&["wait", "--fail-fast", "--progress=none", "Leads", "2", "3"]);
    assert_eq!((exit, out.lines().next()), (Some(4), Some("Leads 2: RUNNING, 0 of 9 deleted, 0 failed")), "{out}");
}
