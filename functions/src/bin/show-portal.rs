//! Lambda `show-portal`.

fn main() -> std::process::ExitCode {
    functions::portal::show()
}
