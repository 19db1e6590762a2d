//! FreePBX
