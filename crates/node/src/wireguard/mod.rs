//! WireGuard interfaces: by the kernel where it can, else by a process of our own.
