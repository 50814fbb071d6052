//! Record batch v2 (KIP-98): views over bytes, building, CRC-32C, compression.
