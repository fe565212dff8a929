//! Lambda `get-processing`.

fn main() -> std::process::ExitCode {
    functions::processing::get::main()
}
