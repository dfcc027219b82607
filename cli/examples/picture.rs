//! The picture in the README: `make picture` has the command wait for jobs of the stand-in, on a terminal, and draws that
//! terminal's screen some seconds later.
//!
//!     picture ZMD >doc/wait.svg

use std::fmt::Write;
use std::io::Read;
use std::num::NonZeroU16;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use vt100::{Cell, Color, Parser, Screen};
use zmd_sim::{Clock, Job, Sim};

const LINE: &str = "zmd wait --timeout 4h - < jobs";
const WIDTH: u16 = 104;
const HEIGHT: u16 = 24;

/// How long the command has run when the screen is drawn, and the jobs before that.
const RUN: Duration = Duration::from_secs(12);
const BEFORE: Duration = Duration::from_secs(390);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let program = std::env::args_os().nth(1).ok_or("usage: picture ZMD")?;
    let program = std::fs::canonicalize(program)?;
    let clock = Clock::driven();
    let sim = Sim::builder().clock(clock.clone()).start();
    sim.accept_any_token();
    let jobs = [
        ("Leads", "5725767000002127001", Job::new(50_000, 82.0)),
        ("Contacts", "5725767000002127014", Job::new(12_400, f64::INFINITY)),
        ("Deals", "5725767000002127033", Job { failed: 12, ..Job::new(1_890, f64::INFINITY) }),
        ("Sales_Orders", "5725767000002127042", Job { starts_after: BEFORE / 2, ..Job::new(41_300, 27.0) }),
    ];
    let mut list = String::new();
    for (module, id, job) in jobs {
        sim.add_job(module, id, job);
        writeln!(list, "{module}:{id}")?;
    }
    clock.advance(BEFORE);

    let directory = std::env::temp_dir().join(format!("zmd-picture-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    std::fs::write(directory.join("jobs"), list)?;
    let screen = run(&program, &directory, &sim, &clock);
    std::fs::remove_dir_all(directory)?;
    print!("{}", svg(screen?.screen()));
    Ok(())
}

/// What the terminal shows after that time.
fn run(program: &Path, directory: &Path, sim: &Sim, clock: &Clock) -> Result<Parser, Box<dyn std::error::Error>> {
    let path = format!("{}:/usr/bin:/bin", program.parent().ok_or("no program")?.display());
    let mut command = Command::new("script");
    command.args(["-qec", &format!("stty rows {HEIGHT} cols {WIDTH}; {LINE}"), "/dev/null"]).current_dir(directory);
    command.env_clear().env("PATH", path).env("HOME", directory).env("TERM", "xterm-256color");
    command.env("ZMD_API_DOMAIN", sim.url()).env("ZMD_ACCESS_TOKEN", "1000.picture");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;

    let size = |size| NonZeroU16::new(size).expect("not 0");
    let mut screen = Parser::new(size(HEIGHT), size(WIDTH), 0);
    screen.process(format!("\x1b[32m$\x1b[m {LINE}\r\n").as_bytes());
    let screen = Arc::new(Mutex::new(screen));
    let mut output = child.stdout.take().ok_or("no output")?;
    let reader = std::thread::spawn({
        let screen = screen.clone();
        move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                screen.lock().expect("no panic").process(&bytes[..count]);
            }
        }
    });
    let mut last = Instant::now();
    let end = last + RUN;
    while last < end {
        std::thread::sleep(Duration::from_millis(20));
        let now = Instant::now();
        clock.advance(now - last);
        last = now;
    }
    let drawn = std::mem::take(&mut *screen.lock().expect("no panic"));
    // The command ends with its terminal.
    child.kill()?;
    child.wait()?;
    reader.join().map_err(|_| "reading has failed")?;
    Ok(drawn)
}

/// A window with the screen, dark on light and dark pages.
fn svg(screen: &Screen) -> String {
    // Of a character, in hundredths of a pixel; a font with another width is stretched.
    const CHARACTER: u32 = 843;
    const ROW: u32 = 20;
    const EDGE: u32 = 16;
    let width = u32::from(WIDTH) * CHARACTER / 100 + 2 * EDGE;
    let used = screen.rows(0, WIDTH).filter(|row| !row.trim().is_empty()).count() as u32;
    let height = used * ROW + 2 * EDGE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"14\">\n\
         <title>{}</title>\n\
         <rect x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"#0d1117\" stroke=\"#3d444d\"/>\n",
        escaped(LINE),
        width - 1,
        height - 1,
    );
    for row in 0..HEIGHT {
        let mut column = 0;
        while let Some(first) = screen.cell(row, column) {
            // As many as look the same.
            let mut text = String::new();
            let start = column;
            while let Some(cell) = screen.cell(row, column).filter(|cell| style(cell) == style(first)) {
                text.push_str(if cell.has_contents() { cell.contents() } else { " " });
                column += 1;
            }
            if text.trim().is_empty() {
                continue;
            }
            let shown = text.trim_end();
            let x = u32::from(start) * CHARACTER + EDGE * 100;
            let length = shown.chars().count() as u32 * CHARACTER;
            let _ = writeln!(
                svg,
                "<text xml:space=\"preserve\" x=\"{}\" y=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\" {}>{}</text>",
                f64::from(x) / 100.0,
                EDGE + u32::from(row) * ROW + 15,
                f64::from(length) / 100.0,
                style(first),
                escaped(shown),
            );
        }
    }
    svg + "</svg>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn style(cell: &Cell) -> String {
    let color = match cell.fgcolor() {
        Color::Idx(1 | 9) => "#ff7b72",
        Color::Idx(2 | 10) => "#3fb950",
        Color::Idx(3 | 11) => "#d29922",
        _ => "#e6edf3",
    };
    format!("fill=\"{color}\"{}", if cell.bold() { " font-weight=\"bold\"" } else { "" })
}
