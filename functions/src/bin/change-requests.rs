//! Lambda `change-requests`.

fn main() -> std::process::ExitCode {
    functions::console::change()
}
