//! Lambda `create-request`.

fn main() -> std::process::ExitCode {
    functions::pdr::create::main()
}
