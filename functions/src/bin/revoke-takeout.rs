//! Lambda `revoke-takeout`.

fn main() -> std::process::ExitCode {
    functions::takeouts::revoke::main()
}
