//! Lambda `store-consents`.

fn main() -> std::process::ExitCode {
    functions::consents::store_own::main()
}
