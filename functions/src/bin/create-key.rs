//! Lambda `create-key`.

fn main() -> std::process::ExitCode {
    functions::certificates::create_key::main()
}
