//! Lambda `record-view-opening`.

fn main() -> std::process::ExitCode {
    functions::portal::open()
}
