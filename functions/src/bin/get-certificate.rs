//! Lambda `get-certificate`.

fn main() -> std::process::ExitCode {
    functions::certificates::get::main()
}
