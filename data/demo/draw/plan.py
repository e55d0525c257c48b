"""What the demo shop stocks, as tables: kinds and prices, how many of each, brands, colours to choose from."""

from __future__ import annotations

FIRST_ID = 900001
COLUMNS = (
    "id", "gender", "masterCategory", "subCategory", "articleType", "baseColour", "season", "year", "usage",
    "productDisplayName", "price", "currency", "stock", "url",
)  # fmt: skip

# articleType -> masterCategory, subCategory, slot, middle price in USD
KINDS: dict[str, tuple[str, str, str, float]] = {
    "Tshirts": ("Apparel", "Topwear", "top", 19), "Shirts": ("Apparel", "Topwear", "top", 36),
    "Tops": ("Apparel", "Topwear", "top", 26), "Sweaters": ("Apparel", "Topwear", "top", 48),
    "Sweatshirts": ("Apparel", "Topwear", "top", 42), "Kurtas": ("Apparel", "Topwear", "top", 34),
    "Tunics": ("Apparel", "Topwear", "top", 30), "Jackets": ("Apparel", "Topwear", "outerwear", 89),
    "Blazers": ("Apparel", "Topwear", "outerwear", 119), "Waistcoat": ("Apparel", "Topwear", "outerwear", 49),
    "Jeans": ("Apparel", "Bottomwear", "bottom", 52), "Trousers": ("Apparel", "Bottomwear", "bottom", 46),
    "Shorts": ("Apparel", "Bottomwear", "bottom", 27), "Track Pants": ("Apparel", "Bottomwear", "bottom", 34),
    "Skirts": ("Apparel", "Bottomwear", "bottom", 33), "Leggings": ("Apparel", "Bottomwear", "bottom", 18),
    "Capris": ("Apparel", "Bottomwear", "bottom", 26), "Dresses": ("Apparel", "Dress", "one-piece", 58),
    "Jumpsuit": ("Apparel", "Dress", "one-piece", 62), "Casual Shoes": ("Footwear", "Shoes", "shoes", 58),
    "Formal Shoes": ("Footwear", "Shoes", "shoes", 92), "Sports Shoes": ("Footwear", "Shoes", "shoes", 74),
    "Heels": ("Footwear", "Shoes", "shoes", 64), "Flats": ("Footwear", "Shoes", "shoes", 39),
    "Sandals": ("Footwear", "Sandal", "shoes", 36), "Flip Flops": ("Footwear", "Flip Flops", "shoes", 14),
    "Handbags": ("Accessories", "Bags", "bag", 68), "Backpacks": ("Accessories", "Bags", "bag", 56),
    "Clutches": ("Accessories", "Bags", "bag", 38), "Messenger Bag": ("Accessories", "Bags", "bag", 62),
    "Laptop Bag": ("Accessories", "Bags", "bag", 84), "Duffel Bag": ("Accessories", "Bags", "bag", 66),
    "Belts": ("Accessories", "Belts", "accessory", 24), "Ties": ("Accessories", "Ties", "accessory", 22),
    "Caps": ("Accessories", "Headwear", "accessory", 17), "Hat": ("Accessories", "Headwear", "accessory", 29),
    "Scarves": ("Accessories", "Scarves", "accessory", 25), "Sunglasses": ("Accessories", "Eyewear", "accessory", 44),
    "Watches": ("Accessories", "Watches", "accessory", 115), "Earrings": ("Accessories", "Jewellery", "accessory", 21),
    "Necklace and Chains": ("Accessories", "Jewellery", "accessory", 32),
        "Socks": ("Accessories", "Socks", "accessory", 8),
}  # fmt: skip

# How many of each kind, by gender.
PLAN: dict[str, dict[str, int]] = {
    "Men": {
        "Tshirts": 30, "Shirts": 27, "Sweaters": 11, "Sweatshirts": 10, "Kurtas": 7, "Jackets": 15, "Blazers": 8,
        "Waistcoat": 5, "Jeans": 13, "Trousers": 14, "Shorts": 8, "Track Pants": 8, "Casual Shoes": 16,
        "Formal Shoes": 13, "Sports Shoes": 11, "Sandals": 5, "Flip Flops": 4, "Belts": 8, "Ties": 11, "Caps": 5,
        "Socks": 6, "Watches": 9, "Sunglasses": 4,
    },
    "Women": {
        "Tops": 22, "Tshirts": 12, "Shirts": 9, "Sweaters": 9, "Sweatshirts": 4, "Kurtas": 11, "Tunics": 5,
        "Jackets": 10, "Blazers": 6, "Jeans": 9, "Trousers": 8, "Shorts": 4, "Skirts": 15, "Leggings": 7, "Capris": 4,
        "Track Pants": 3, "Dresses": 24, "Jumpsuit": 7, "Casual Shoes": 7, "Heels": 16, "Flats": 11, "Sandals": 5,
        "Flip Flops": 3, "Sports Shoes": 6, "Handbags": 24, "Clutches": 12, "Belts": 5, "Scarves": 7, "Sunglasses": 5,
        "Watches": 7, "Earrings": 12, "Necklace and Chains": 9, "Hat": 3, "Socks": 3,
    },
    "Boys": {
        "Tshirts": 8, "Shirts": 5, "Sweatshirts": 3, "Jackets": 3, "Jeans": 3, "Trousers": 2, "Shorts": 4,
        "Track Pants": 3, "Casual Shoes": 3, "Sports Shoes": 3, "Sandals": 2, "Caps": 2, "Socks": 2,
    },
    "Girls": {
        "Tops": 5, "Tshirts": 5, "Sweaters": 2, "Jackets": 2, "Dresses": 9, "Skirts": 4, "Leggings": 3, "Jeans": 2,
        "Jumpsuit": 1, "Flats": 3, "Casual Shoes": 2, "Socks": 2,
    },
    "Unisex": {
        "Backpacks": 13, "Messenger Bag": 3, "Laptop Bag": 3, "Duffel Bag": 3, "Caps": 5, "Hat": 2, "Scarves": 6,
        "Sunglasses": 7, "Watches": 3, "Casual Shoes": 3, "Flip Flops": 2, "Sweatshirts": 3,
    },
}  # fmt: skip

# Invented words; none is meant to be a company or a person.
BRANDS = (
    "Brindavel", "Quilhara", "Ondrelith", "Maruvane", "Kestrayle", "Zorapine", "Hadelwisp", "Pelithra", "Vantorrow",
    "Skeldune", "Tovrella", "Yarromint",
)  # fmt: skip
BRAND_PRICE = dict(zip(BRANDS, (0.8, 1.0, 1.35, 0.9, 1.1, 0.75, 1.0, 1.2, 1.5, 0.95, 1.05, 0.7), strict=True))

DENIM = {"Blue": ("#3f6391", "#4a70a0", "#6d8fb8", "#355681"), "Navy Blue": ("#27375a", "#2d3f63"),
    "Black": ("#26272b",), "Grey": ("#777c83",), "White": ("#eeede8",)}
METALS = {"Gold": "#c9a24d", "Silver": "#c3c6ca", "Copper": "#b06f4a", "Bronze": "#8d6b42", "Steel": "#a5abb0"}

NEUTRAL = ["Black", "White", "Navy Blue", "Grey", "Blue"]
CLOTHES = [*NEUTRAL, "Red", "Green", "Pink", "Purple", "Maroon", "Olive", "Yellow", "Teal", "Beige", "Brown", "Orange",
    "Charcoal", "Mustard", "Lavender", "Peach", "Turquoise Blue", "Cream", "Rust", "Grey Melange", "Sea Green",
    "Magenta", "Burgundy", "Khaki", "Off White"]
QUIET = ["Black", "Navy Blue", "Charcoal", "Grey", "Beige", "Brown", "Olive", "Khaki", "Cream"]
LEATHER = ["Black", "Brown", "Tan", "Coffee Brown", "Burgundy", "Beige", "Navy Blue", "Red", "White", "Grey", "Olive",
    "Taupe", "Nude", "Pink", "Teal", "Mustard", "Maroon", "Peach", "Khaki", "Gold", "Silver"]
