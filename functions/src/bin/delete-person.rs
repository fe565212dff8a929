//! Lambda `delete-person`.

fn main() -> std::process::ExitCode {
    functions::native::delete_person::main()
}
