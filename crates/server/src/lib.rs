//! The controller as others reach it. First its agents: who joins, what each node should do, what
//! each last said.
