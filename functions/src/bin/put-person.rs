//! Lambda `put-person`.

fn main() -> std::process::ExitCode {
    functions::native::put_person::main()
}
