//! Lambda `request-customer-deletion`.

fn main() -> std::process::ExitCode {
    functions::deletions::request_customer::main()
}
