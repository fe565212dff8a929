//! Lambda `get-data-user`.

fn main() -> std::process::ExitCode {
    functions::pdr::get_data_user::main()
}
