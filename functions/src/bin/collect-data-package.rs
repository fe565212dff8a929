//! Lambda `collect-data-package`.

fn main() -> std::process::ExitCode {
    functions::pdr::collect_data::main()
}
