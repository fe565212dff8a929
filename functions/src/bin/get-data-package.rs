//! Lambda `get-data-package`.

fn main() -> std::process::ExitCode {
    functions::pdr::get_data::main()
}
