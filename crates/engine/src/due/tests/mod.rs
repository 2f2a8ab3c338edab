mod down;
mod outside;
mod stray;
mod up;
