//! Lambda `get-purge`.

fn main() -> std::process::ExitCode {
    functions::purges::get::main()
}
