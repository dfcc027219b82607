//! The stand-in for the service as a program, for manual use and scripts.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs, thread};

mod command;

use zmd_sim::{AtAccept, DOCUMENTED_ERRORS, End, Fault, Job, Sim};

const USAGE: &str = "\
A stand-in for the Zoho CRM service: the status of mass-delete jobs, and access tokens.

usage: zmd-sim [option]...

  --port N                     listen on this port of 127.0.0.1 (default: a free one)
  --tls                        use TLS, with a certificate for localhost; needs --ca-out
  --ca-out FILE                write the certificate authority to trust to this file, as PEM
  --token TOKEN                accept this access token; may be repeated (default: any is accepted)
  --refresh REFRESH:ID:SECRET  make access tokens of this refresh token, client id and client secret
  --grant-code CODE            exchange this grant code, once, for the refresh token of --refresh
  --organization ID            make access tokens for this organization, too, with the client id
                               and the client secret of --refresh
  --job MODULE:ID:TOTAL:RATE[:LEFT[:failed]]
                               offer a job that deletes RATE of TOTAL records a second (inf: all
                               at once), cannot delete LEFT of them, and ends as COMPLETED or
                               FAILED; may be repeated (default: Leads:1001, which is
                               completed, and Leads:1002, which runs)
  --delay-ms N                 wait before every answer
  --max-in-flight N            refuse status requests above so many at once (HTTP 429)
  --credits LIMIT[:USED]       the API credits of 24 hours, of which so many are used: answers say how
                               many remain once half are used, and at 0 it is HTTP 429
  --accept MODE                what happens to an accepted connection, see below
                               (default: serve)
  --until-stdin-closes         end when the standard input ends (default: run until killed);
                               each line there is a command, see below
  --help                       print this

It prints `listening on URL` when it is ready.
";

struct Options {
    port: u16,
    tls: bool,
    ca_out: Option<String>,
    tokens: Vec<String>,
    refresh: Option<[String; 3]>,
    grant_code: Option<String>,
    organization: Option<String>,
    jobs: Vec<(String, String, Job)>,
    delay: Duration,
    max_in_flight: usize,
    credits: Option<(u64, u64)>,
    at_accept: AtAccept,
    until_stdin_closes: bool,
    help: bool,
}

fn main() -> ExitCode {
    let options = match parse(env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("zmd-sim: {message}; see --help");
            return ExitCode::from(2);
        }
    };
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("zmd-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> io::Result<()> {
    if options.help {
        return io::stdout().write_all(help().as_bytes());
    }

    let mut builder = Sim::builder().port(options.port).delay(options.delay).max_in_flight(options.max_in_flight);
    if options.tls {
        builder = builder.tls();
    }
    if let Some([refresh_token, client_id, client_secret]) = &options.refresh {
        builder = builder.refresh_token(refresh_token, client_id, client_secret);
    }
    if let Some(code) = &options.grant_code {
        builder = builder.grant_code(code);
    }
    if let Some(id) = &options.organization {
        builder = builder.organization(id);
    }
    let sim = builder.try_start()?;
    sim.at_accept(options.at_accept);
    for (module, id, job) in options.jobs {
        sim.add_job(&module, &id, job);
    }
    for token in &options.tokens {
        sim.accept_token(token);
    }
    if options.tokens.is_empty() {
        sim.accept_any_token();
    }
    if let Some((limit, used)) = options.credits {
        sim.limit_credits(limit, used);
    }
    if let Some(file) = options.ca_out {
        fs::copy(sim.ca_file(), file)?;
    }

    println!("listening on {}", sim.url());
    io::stdout().flush()?;
    if options.until_stdin_closes {
        for line in io::stdin().lines() {
            println!("{}", command::run(&sim, &line?).unwrap_or_else(|message| message));
            io::stdout().flush()?;
        }
        return Ok(());
    }
    loop {
        thread::park();
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        port: 0,
        tls: false,
        ca_out: None,
        tokens: Vec::new(),
        refresh: None,
        grant_code: None,
        organization: None,
        jobs: Vec::new(),
        delay: Duration::ZERO,
        max_in_flight: usize::MAX,
        credits: None,
        at_accept: AtAccept::Serve,
        until_stdin_closes: false,
        help: false,
    };
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{option} needs a value"));
        match option.as_str() {
            "--port" => options.port = number(&option, &value()?)?,
            "--tls" => options.tls = true,
            "--ca-out" => options.ca_out = Some(value()?),
            "--token" => options.tokens.push(value()?),
            "--refresh" => options.refresh = Some(fields(&option, &value()?, "REFRESH:ID:SECRET")?),
            "--grant-code" => options.grant_code = Some(value()?),
            "--organization" => options.organization = Some(value()?),
            "--job" => options.jobs.push(job(&option, &value()?)?),
            "--delay-ms" => options.delay = Duration::from_millis(number(&option, &value()?)?),
            "--max-in-flight" => options.max_in_flight = number(&option, &value()?)?,
            "--credits" => options.credits = Some(credits(&option, &value()?)?),
            "--accept" => options.at_accept = at_accept(&value()?)?,
            "--until-stdin-closes" => options.until_stdin_closes = true,
            "--help" | "-h" => options.help = true,
            _ => return Err(format!("there is no option {option}")),
        }
    }
    if options.tls != options.ca_out.is_some() {
        return Err("--tls and --ca-out go together".to_owned());
    }
    if (options.grant_code.is_some() || options.organization.is_some()) && options.refresh.is_none() {
        return Err("--grant-code and --organization need --refresh".to_owned());
    }
    if options.jobs.is_empty() {
        let lead = |id: &str, job| ("Leads".to_owned(), id.to_owned(), job);
        options.jobs.push(lead("1001", Job::new(9, f64::INFINITY)));
        options.jobs.push(lead("1002", Job::new(50_000, 40.0)));
    }
    Ok(options)
}

fn number<T: std::str::FromStr>(option: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{option} takes a number, and {text:?} is none that fits"))
}

fn fields<const N: usize>(option: &str, text: &str, form: &str) -> Result<[String; N], String> {
    let fields: Vec<String> = text.split(':').map(String::from).collect();
    fields.try_into().map_err(|_| format!("{option} takes {form}, not {text:?}"))
}

fn credits(option: &str, text: &str) -> Result<(u64, u64), String> {
    let (limit, used) = text.split_once(':').unwrap_or((text, "0"));
    Ok((number(option, limit)?, number(option, used)?))
}

fn job(option: &str, text: &str) -> Result<(String, String, Job), String> {
    let fields: Vec<&str> = text.split(':').collect();
    let (module, id, total, rate, left, ends) = match fields[..] {
        [module, id, total, rate] => (module, id, total, rate, "0", End::Completed),
        [module, id, total, rate, left] => (module, id, total, rate, left, End::Completed),
        [module, id, total, rate, left, "failed"] => (module, id, total, rate, left, End::Failed),
        _ => return Err(format!("{option} takes MODULE:ID:TOTAL:RATE[:LEFT[:failed]], not {text:?}")),
    };
    let job = Job { failed: number(option, left)?, ends, ..Job::new(number(option, total)?, number(option, rate)?) };
    Ok((module.to_owned(), id.to_owned(), job))
}

fn at_accept(name: &str) -> Result<AtAccept, String> {
    AtAccept::from_name(name).ok_or(format!("--accept takes no {name:?}"))
}

fn help() -> String {
    let mut text = USAGE.to_owned();
    text += "\nModes of --accept:\n\n";
    for mode in AtAccept::all() {
        text += &format!("  {:<30}{}\n", mode.name(), mode.about());
    }
    text += command::USAGE;
    text += "\nThese job ids, of any module, are always answered with an error:\n\n";
    for error in DOCUMENTED_ERRORS {
        text += &format!("  error-{:<26}{}\n", error.name, error.about());
    }
    text += "\nAnd these deliver a good answer in a bad or unusual manner:\n\n";
    for fault in Fault::all() {
        text += &format!("  fault-{:<26}{}\n", fault.name(), fault.about());
    }
    text
}
