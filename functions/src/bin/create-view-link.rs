//! Lambda `create-view-link`.

fn main() -> std::process::ExitCode {
    functions::pdr::create_view_link::main()
}
