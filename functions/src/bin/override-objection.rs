//! Lambda `override-objection`.

fn main() -> std::process::ExitCode {
    functions::processing::overrule::main()
}
