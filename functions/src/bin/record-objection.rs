//! Lambda `record-objection`.

fn main() -> std::process::ExitCode {
    functions::processing::object::main()
}
