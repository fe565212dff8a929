//! Lambda `sign-in-staff`.

fn main() -> std::process::ExitCode {
    functions::console::sign()
}
