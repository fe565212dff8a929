//! Lambda `sweep-returned`.

fn main() -> std::process::ExitCode {
    functions::upkeep::sweep::main()
}
