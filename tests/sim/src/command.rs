//! Commands on the standard input of the program, for tests that run it.

use std::time::Duration;

use serde_json::{Value, json};
use zmd_sim::{DOCUMENTED_ERRORS, Fault, Reply, Sim};

pub const USAGE: &str = "
Commands on the standard input, each answered with a line, `ok` or what is wrong:

  job MODULE:ID:TOTAL:RATE[:LEFT[:failed]]
                               offer a job from now on, also in place of another
  script MODULE:ID REPLIES     reply so to the status requests for a job, in this order, the last
                               one again and again: a JSON array of names of the lists below, and
                               of objects with `status`, `headers` and `body`; [] ends that
  delay MILLISECONDS           wait before every answer from now on
  expire                       no access token so far is valid from now on
  requests                     answered with the requests so far, at most the last 10,000, as a
                               JSON array of objects with `method`, `target`, `headers`, `body`
";

/// Obeys a command, and returns its answer.
pub fn run(sim: &Sim, line: &str) -> Result<String, String> {
    let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
    match name {
        "job" => {
            let (module, id, job) = super::job("job", rest)?;
            sim.script(&module, &id, Vec::new());
            sim.add_job(&module, &id, job);
        }
        "script" => script(sim, rest)?,
        "delay" => sim.set_delay(Duration::from_millis(super::number("delay", rest)?)),
        "expire" => sim.expire_tokens(),
        "requests" => return Ok(requests(sim)),
        _ => return Err(format!("there is no command {line:?}")),
    }
    Ok("ok".to_owned())
}

fn script(sim: &Sim, text: &str) -> Result<(), String> {
    let form = "script takes MODULE:ID and a JSON array";
    let (job, replies) = text.split_once(' ').ok_or(form)?;
    let [module, id] = super::fields("script", job, "MODULE:ID")?;
    let Ok(Value::Array(replies)) = serde_json::from_str(replies) else { return Err(form.to_owned()) };
    let replies = replies.iter().map(|reply| self::reply(reply).ok_or(format!("script takes no reply {reply}")));
    sim.script(&module, &id, replies.collect::<Result<_, _>>()?);
    Ok(())
}

fn reply(value: &Value) -> Option<Reply> {
    if let Some(name) = value.as_str() {
        let error =
            |name| DOCUMENTED_ERRORS.iter().find(|error| error.name == name).map(|error| Reply::Error(error.name));
        let fault = |name| Fault::from_name(name).map(Reply::Fault);
        return name.strip_prefix("error-").and_then(error).or_else(|| name.strip_prefix("fault-").and_then(fault));
    }
    let headers =
        value.get("headers")?.as_object()?.iter().map(|(name, value)| Some((name.clone(), value.as_str()?.into())));
    Some(Reply::Answer {
        status: value.get("status")?.as_u64()?.try_into().ok()?,
        headers: headers.collect::<Option<_>>()?,
        body: value.get("body")?.as_str()?.into(),
    })
}

fn requests(sim: &Sim) -> String {
    let requests = sim.all_requests().into_iter().map(|request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        json!({"method": request.method, "target": request.target, "headers": request.headers, "body": body})
    });
    Value::Array(requests.collect()).to_string()
}
