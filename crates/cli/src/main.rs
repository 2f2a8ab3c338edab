//! The `damm` command.

fn main() -> std::process::ExitCode {
    damm_cli::main()
}
