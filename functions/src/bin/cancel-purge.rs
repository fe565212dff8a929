//! Lambda `cancel-purge`.

fn main() -> std::process::ExitCode {
    functions::purges::cancel::main()
}
