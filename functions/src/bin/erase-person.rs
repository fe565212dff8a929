//! Lambda `erase-person`.

fn main() -> std::process::ExitCode {
    functions::purges::erase::main()
}
