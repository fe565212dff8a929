//! Our archives beside those of other people's programs, as files.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use archive::{Coding, Password, Press, Zip};
use chrono::DateTime;

use crate::gauge::{Bar, Report, process_seconds, time};
use crate::{Failure, MIB, PASSWORD, corpus};

const ROUNDS: usize = 3;
const ENTRY: usize = 8 * MIB;

/// Packs with pyzipper; the arguments are the archive, the file and the compression method.
const PYZIPPER: &str = "
import sys, pyzipper
method = pyzipper.ZIP_STORED if sys.argv[3] == 'stored' else pyzipper.ZIP_DEFLATED
with pyzipper.AESZipFile(sys.argv[1], 'w', compression=method, encryption=pyzipper.WZ_AES) as z:
    z.setpassword(sys.argv[4].encode())
    z.write(sys.argv[2], 'data')
";

/// Bars A1 and A2, as far as programs go. One that is not there is passed over.
///
/// # Errors
/// If something cannot be measured.
pub fn measure(report: &mut Report) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    for (coding, bytes, name) in [
        (Coding::Store, corpus::picture(256 * MIB), "stored"),
        (Coding::Deflate, corpus::records(64 * MIB), "deflated"),
    ] {
        let file = folder.path().join(name);
        File::create(&file)?.write_all(&bytes)?;
        for (program, bar) in [("7z", 2.0), ("bsdtar", 2.0), ("python3", 2.0)] {
            let (mut speed, mut size) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                let (ours, theirs) = (folder.path().join("ours.zip"), folder.path().join("theirs.zip"));
                let took = time(|| own(&bytes, coding, &ours))?;
                let Some(took_theirs) = peer(program, coding, &file, &theirs)? else { break };
                speed.push(took_theirs / took);
                size.push(ours.metadata()?.len() as f64 / theirs.metadata()?.len() as f64);
                std::fs::remove_file(theirs)?;
            }
            if speed.is_empty() {
                println!("| {name}: {program} is not there | | | | |");
                continue;
            }
            // 7z compresses more slowly and better at its own level 5: no bar.
            let bars = match (coding, program) {
                (Coding::Store, "7z") => [Bar::Least(bar), Bar::None],
                (Coding::Store, _) | (Coding::Deflate, "7z") => [Bar::None, Bar::None],
                (Coding::Deflate, _) => [Bar::Least(bar), Bar::Most(0.98)],
            };
            report.figure(&format!("{name}: times as fast as {program}"), bars[0], &speed);
            report.figure(&format!("{name}: size of the archive of {program}"), bars[1], &size);
        }
    }
    Ok(())
}

fn own(plain: &[u8], coding: Coding, into: &Path) -> Result<(), Failure> {
    let password = Password::new(PASSWORD.into());
    let mut zip = Zip::new(BufWriter::new(File::create(into)?), DateTime::UNIX_EPOCH);
    let mut press = Press::default();
    for (number, entry) in (0_u128..).zip(plain.chunks(ENTRY)) {
        press.plain().extend_from_slice(entry);
        let sealed = press.seal(format!("data/01-{number:04}.bin"), coding, &password, number.to_le_bytes());
        zip.add(&sealed)?;
        press = sealed.into_press();
    }
    zip.finish()?.flush()?;
    Ok(())
}

/// CPU seconds of the program; none if it is not there or cannot.
fn peer(program: &str, coding: Coding, file: &Path, into: &Path) -> Result<Option<f64>, Failure> {
    let stored = coding == Coding::Store;
    let mut command = Command::new(program);
    match program {
        "7z" => command
            .args(["a", "-tzip", "-mem=AES256", "-mmt1", if stored { "-mx0" } else { "-mx5" }])
            .arg(format!("-p{PASSWORD}"))
            .args([into, file]),
        "bsdtar" => command
            .args(["-c", "--format", "zip", "--options"])
            .arg(format!(
                "zip:encryption=aes256,zip:compression={}",
                if stored { "store" } else { "deflate,zip:compression-level=6" }
            ))
            .args(["--passphrase", PASSWORD, "-f"])
            .args([into, file]),
        _ => command
            .args(["-c", PYZIPPER])
            .args([into, file])
            .args([if stored { "stored" } else { "deflated" }, PASSWORD]),
    };
    let [_, before] = process_seconds()?;
    let Ok(status) = command.stdout(Stdio::null()).stderr(Stdio::null()).status() else { return Ok(None) };
    let [_, after] = process_seconds()?;
    Ok(status.success().then_some(after - before))
}
