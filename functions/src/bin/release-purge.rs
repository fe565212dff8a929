//! Lambda `release-purge`.

fn main() -> std::process::ExitCode {
    functions::plans::release::main()
}
