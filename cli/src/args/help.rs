//! What --help shows besides the options, and the manual pages as sections: examples, exit statuses, files, variables.

/// What each command is used for, by its name.
pub const EXAMPLES: &[(&str, &[(&str, &str)])] = &[
    (
        "zmd",
        &[
            ("zmd login", "ask for credentials, try them and save them"),
            ("zmd wait --timeout 4h Leads 1001 && next", "go on only if every record is deleted"),
            ("zmd doctor", "find what is wrong"),
        ],
    ),
    (
        "status",
        &[
            ("zmd status Leads 111111000000222222", "one job"),
            ("zmd status Leads 1001 1002 Contacts:2002", "jobs of several modules"),
            ("zmd status --json -f jobs.txt | jq .successful", "jobs of a file, for a program"),
        ],
    ),
    (
        "wait",
        &[
            ("zmd wait --timeout 4h Leads 1001 && next", "go on only if every record is deleted"),
            ("zmd wait --quiet -f jobs.txt", "for cron: prints what is not successful"),
            ("zmd wait --fail-fast Leads 1001 1002", "end at the first job that left records"),
            ("zmd wait --json --progress=none - <jobs.txt", "lines of JSON"),
        ],
    ),
    (
        "login",
        &[
            ("zmd login", "a dialogue"),
            ("zmd --profile night login", "another profile"),
            ("ZMD_CLIENT_SECRET=... zmd login --client-id ID --org-id ID", "without a terminal"),
        ],
    ),
    ("logout", &[("zmd --profile night logout", "forget the credentials of a profile")]),
    ("profiles", &[("zmd profiles", "list them, with a * in front of the one that is used")]),
    (
        "doctor",
        &[
            ("zmd doctor", "one line if all is well"),
            ("zmd doctor --verbose Leads 1001", "every check, every setting, and a job"),
        ],
    ),
    (
        "completions",
        &[
            ("zmd completions bash >~/.local/share/bash-completion/completions/zmd", "bash"),
            ("zmd completions zsh >~/.zfunc/_zmd", "zsh, with ~/.zfunc in fpath"),
            ("zmd completions fish >~/.config/fish/completions/zmd.fish", "fish"),
        ],
    ),
    ("help", &[("zmd help settings", "every setting"), ("zmd help wait", "a command")]),
    ("man", &[("zmd man ~/.local/share/man", "zmd(1) and zmd-settings(5)")]),
];

pub const EXIT_STATUS: &[(u8, &str)] = &[
    (0, "every record of every job is deleted"),
    (1, "a job failed, or left records"),
    (2, "a job is not finished, as when --timeout is over"),
    (3, "a transient error: of the network or the service, or a limit"),
    (
        4,
        "an error that needs a person: a mistake in the command line, the settings or the credentials, or there is no such \
         job",
    ),
];

pub const EXIT_STATUS_ORDER: &str = "Of several jobs the worst counts, in this order: 1, 4, 3, 2, 0. Ctrl-C, SIGTERM and \
                                     SIGHUP end the command by that signal; the jobs continue.";

pub const JOBS: &str = "\
Jobs:
  Leads 1001 1002                 jobs of one module
  Leads 1001 Contacts:2002        and of others
  -                               jobs from standard input
  Without arguments, standard input is read if it is not a terminal.

  Standard input and --file have a job on each line: MODULE:JOB_ID, or both
  separated by a blank, a comma, a semicolon or a tab; or a JOB_ID alone, of the
  module in front, as in `zmd wait Leads -`. Empty lines and lines that begin
  with # are ignored. At most 16 MiB are read.";

pub const VARIABLES: &[(&str, &str)] = &[
    ("ZMD_PROFILE, ZMD_CONFIG_FILE", "as --profile and --config"),
    ("ZMD_ACCESS_TOKEN and others", "the settings: see zmd-settings(5)"),
    ("ZMD_LOG", "a log on standard error: error, warn, info, debug or trace"),
    ("NO_COLOR, CLICOLOR_FORCE", "no colors, or colors also if the output is not a terminal"),
];

/// The end of a command's --help.
pub fn after(command: &str) -> String {
    let mut text = match command {
        "status" | "wait" => format!("{JOBS}\n\n"),
        "login" => "Without a terminal, options and variables take the place of the answers. A secret is never an argument, as \
                    other users could see it with ps: name a file, - for a line of standard input, or set ZMD_CLIENT_SECRET, \
                    ZMD_GRANT_CODE or ZMD_REFRESH_TOKEN.\n\n"
            .to_owned(),
        _ => String::new(),
    };
    let examples = examples(command);
    let width = examples.iter().map(|(line, _)| line.len()).filter(|width| *width < 50).max().unwrap_or(0);
    text += "Examples:";
    for (line, meaning) in examples {
        text += &format!("\n  {line:width$}  # {meaning}");
    }
    text
}

/// The end of `zmd --help`.
pub fn after_all() -> String {
    let mut text =
        "Settings come from the environment (ZMD_ACCESS_TOKEN, ZMD_DATA_CENTER, ...) and the configuration file; the \
                    environment takes precedence. `zmd help settings` lists them.\n\nExit status:"
            .to_owned();
    for (status, meaning) in EXIT_STATUS {
        text += &format!("\n  {status}  {meaning}");
    }
    format!("{text}\n  {EXIT_STATUS_ORDER}\n\n{}", after("zmd"))
}

pub fn examples(command: &str) -> &'static [(&'static str, &'static str)] {
    EXAMPLES.iter().find(|(name, _)| *name == command).map_or(&[], |(_, examples)| examples)
}
