//! Pictures of people who have none: a pattern of squares, mirrored like a face.

/// Squares on a side.
const SQUARES: usize = 5;

/// Pixels on the side of a square.
const SCALE: usize = 16;

/// Draws the picture that belongs to `seed`, as a PNG.
pub(super) fn png(seed: &str) -> Vec<u8> {
    let crc = crc32(seed.as_bytes());
    let side = SQUARES * SCALE;
    let is_set = |x: usize, y: usize| {
        // The right half repeats the left one.
        let x = x.min(SQUARES - 1 - x);
        (crc >> (y * SQUARES.div_ceil(2) + x)) & 1 == 1
    };
    let mut pixels = Vec::with_capacity(side * (side.div_ceil(8) + 1));
    for y in 0..side {
        pixels.push(0); // This row is not filtered.
        for byte in 0..side.div_ceil(8) {
            let bit = |bit: usize| {
                let x = byte * 8 + bit;
                u8::from(x < side && is_set(x / SCALE, y / SCALE)) << (7 - bit)
            };
            pixels.push((0..8).map(bit).sum());
        }
    }

    let [red, green, blue, _] = crc.to_be_bytes();
    // Half of each, so that the squares are darker than what is behind them.
    let palette = [0xf4, 0xf1, 0xea, red / 2, green / 2, blue / 2];
    let side = u32::try_from(side).unwrap_or_default().to_be_bytes();
    // One bit a pixel, by palette; the usual compression and filters, not interlaced.
    let header = [&side[..], &side, &[1, 3, 0, 0, 0]].concat();
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &header),
        chunk(b"PLTE", &palette),
        chunk(b"IDAT", &zlib(&pixels)),
        chunk(b"IEND", &[]),
    ]
    .concat()
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or_default().to_be_bytes();
    let checked = [kind, data].concat();
    [&length[..], &checked, &crc32(&checked).to_be_bytes()].concat()
}

/// A zlib stream that stores `data` as it is, in blocks of the most that a block can hold.
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = data.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    stream.extend(adler32(data).to_be_bytes());
    stream
}

fn adler32(data: &[u8]) -> u32 {
    let (a, b) = data.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    (b << 16) | a
}

fn crc32(data: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    };
    !data.iter().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_are_those_that_everybody_computes() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn everybody_has_a_picture_of_their_own_and_always_the_same() {
        assert_eq!(png("c-1001"), png("c-1001"));
        assert_ne!(png("c-1001"), png("c-1002"));
        assert!(png("c-1001").starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x50\0\0\0\x50"));
    }
}
