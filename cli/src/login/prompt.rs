//! Questions at the terminal, or what a script gives in place of the answers.

use std::io::{BufRead, IsTerminal, Read};
use std::path::Path;

use zeroize::Zeroizing;
use zmd_core::secret_text;

use crate::failure::Failure;
use crate::terminal::{note, plain, wrap, write_stderr};
use crate::variable::variable;
#[cfg(unix)]
use crate::{
    modes,
    signals::{self, Event, Handling},
};

/// The longest answer, in bytes.
const LIMIT: u64 = 1 << 16;

/// One of several answers.
pub struct Choice<'a> {
    pub name: &'a str,
    pub meaning: String,
}

/// Asks at the terminal, if there is one.
pub struct Prompt {
    pub is_interactive: bool,
}

impl Prompt {
    pub fn new() -> Prompt {
        Prompt { is_interactive: std::io::stdin().is_terminal() && std::io::stderr().is_terminal() }
    }

    /// Prints paragraphs for somebody at the terminal, wrapped to its width.
    pub fn explain(&self, text: &str) {
        self.explain_indented(text, 0);
    }

    /// The same, with blanks in front of the lines of a paragraph but the first.
    pub fn explain_indented(&self, text: &str, indent: usize) {
        if self.is_interactive {
            text.lines().flat_map(|paragraph| wrap(paragraph, indent)).for_each(|line| note(&line));
        }
    }

    /// A line of text; `known` is the answer if nothing is typed.
    pub fn line(&self, question: &str, known: Option<&str>, option: &str) -> Result<String, Failure> {
        if !self.is_interactive {
            return known.map(str::to_owned).ok_or_else(|| missing(question, option));
        }
        let shown = known.map(|known| format!(" [{}]", plain(known))).unwrap_or_default();
        loop {
            write_stderr(&format!("{question}{shown}: "));
            let answer = read_line()?;
            match (answer.trim(), known) {
                ("", Some(known)) => return Ok(known.to_owned()),
                ("", None) => {}
                (answer, _) => return Ok(answer.to_owned()),
            }
        }
    }

    /// One of the choices, by its number, its name or the begin of it.
    pub fn choose<'a>(&self, question: &str, choices: &[Choice<'a>], known: &str) -> Result<&'a str, Failure> {
        let width = choices.iter().map(|choice| choice.name.len()).max().unwrap_or(0);
        self.explain(&format!("\n{question}"));
        for (number, Choice { name, meaning }) in (1..).zip(choices) {
            self.explain_indented(&format!("  {number:>2}  {name:width$}  {meaning}"), width + 8);
        }
        loop {
            let answer = self.line("Choice", Some(known), "")?.to_ascii_lowercase();
            let names = || choices.iter().map(|choice| choice.name);
            let number = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            if let Some(choice) = number.and_then(|number| choices.get(number)) {
                return Ok(choice.name);
            }
            let exact = names().find(|name| *name == answer);
            let mut begun = names().filter(|name| name.starts_with(&answer));
            if let Some(name) = exact.or_else(|| begun.next().filter(|_| begun.next().is_none())) {
                return Ok(name);
            }
            let near = zmd_core::nearest(&answer, names()).map(|name| format!(": did you mean {name}?"));
            note(&format!("{} is none of them{}", plain(&answer), near.unwrap_or_default()));
        }
    }

    /// A secret, in this order: from the file (`-` is standard input), the variable, or the person. `known` is the answer if
    /// nothing is typed.
    pub fn secret(
        &self,
        question: &str,
        known: Option<&Zeroizing<String>>,
        file: Option<&Path>,
        variable_name: &str,
        option: &str,
    ) -> Result<Zeroizing<String>, Failure> {
        if let (Some(file), None) = (file, known) {
            let text = if file == Path::new("-") {
                read_bytes()?
            } else {
                let bytes = std::fs::read(file).map(Zeroizing::new);
                bytes.map_err(|error| format!("{option} {}: {error}", file.display()))?
            };
            return secret_text(&text).map_err(|why| format!("{option} {}: {why}", file.display()).into());
        }
        if let (Some(secret), None) = (variable(variable_name), known) {
            return Ok(secret);
        }
        if !self.is_interactive {
            return Err(missing(question, &format!("{option} FILE or {variable_name}")));
        }
        let hint = if known.is_some() { "not shown, empty for the one before" } else { "not shown" };
        loop {
            let answer = read_secret(&format!("{question} ({hint}): "))?;
            match (answer.trim(), known) {
                ("", Some(known)) => return Ok(known.clone()),
                ("", None) => {}
                (answer, _) => return Ok(Zeroizing::new(answer.to_owned())),
            }
        }
    }
}

fn missing(question: &str, option: &str) -> Failure {
    format!("{question} is missing: standard input is no terminal, so give it with {option}").into()
}

/// A line of standard input as it is: what is wrong with its encoding is told with the option.
fn read_bytes() -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut line = Zeroizing::new(Vec::new());
    match std::io::stdin().lock().take(LIMIT).read_until(b'\n', &mut line) {
        Ok(0) => Err("standard input has ended".to_owned().into()),
        Ok(_) => Ok(line),
        Err(error) => Err(format!("cannot read standard input: {error}").into()),
    }
}

/// A line of standard input, and no byte of the next one more.
fn read_line() -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::new());
    match std::io::stdin().lock().take(LIMIT).read_line(&mut line) {
        Ok(0) => Err("standard input has ended".to_owned().into()),
        Ok(_) => Ok(line),
        Err(error) => Err(format!("cannot read standard input: {error}").into()),
    }
}

/// A line that is typed without being shown.
#[cfg(unix)]
fn read_secret(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let ask = {
        let prompt = prompt.to_owned();
        move || {
            modes::hide();
            write_stderr(&prompt);
        }
    };
    // After Ctrl-Z and fg it is asked for again, as the shell has made the terminal show what is typed.
    let handling = {
        let ask = ask.clone();
        signals::handle(move |event| {
            match event {
                Event::End | Event::Stop => write_stderr("\n"),
                // In the background, reading stops it again.
                Event::Continue if modes::is_foreground(libc::STDIN_FILENO) => ask(),
                Event::Continue => {}
            }
            false
        })
    };
    ask();
    let line = read_line();
    drop::<Handling>(handling);
    modes::restore();
    line
}

#[cfg(windows)]
fn read_secret(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    write_stderr(prompt);
    let line = console::Term::stderr().read_secure_line();
    Ok(Zeroizing::new(line.map_err(|error| format!("cannot read the answer: {error}"))?))
}
