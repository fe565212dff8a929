//! Lambda `get-person`.

fn main() -> std::process::ExitCode {
    functions::native::get_person::main()
}
