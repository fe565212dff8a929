//! Lambda `show-console`.

fn main() -> std::process::ExitCode {
    functions::console::show()
}
