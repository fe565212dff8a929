//! Lambda `restrict-person`.

fn main() -> std::process::ExitCode {
    functions::purges::restrict::main()
}
