//! What is in this repository: the documentation, and where the parts that are compiled in come from.

mod abi;
mod blocks;
mod docs;
mod manual;
mod provenance;
mod structure;
