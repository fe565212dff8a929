//! Lambda `store-person-consents`.

fn main() -> std::process::ExitCode {
    functions::consents::store::main()
}
