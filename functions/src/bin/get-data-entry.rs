//! Lambda `get-data-entry`.

fn main() -> std::process::ExitCode {
    functions::pdr::get_data_entry::main()
}
