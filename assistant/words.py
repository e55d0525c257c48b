"""Every text that a shopper reads, in English and Chinese, in one table; and names of things in both.

What comes from the catalogue (titles) or from a model (reasons) is not here: it is shown as it came.
"""

from __future__ import annotations

from decimal import Decimal
from string import Formatter

from assistant.desk.words import TEXTS as DESK_TEXTS
from retrieval import colours, vocabulary
from retrieval.errors import InvalidInput
from retrieval.items import Gender, Item, Lang, Slot

TEXTS: dict[str, tuple[str, str]] = {
    # key: (English, Chinese)
    # --- the page ---
    "page.title": ("Outfit assistant", "穿搭助手"),
    "page.lead": ("Show me a piece. I’ll find what goes with it.", "给我看一件衣服，我来帮你搭配。"),
    "page.how": (
        "Show me a photo of something you own or like. I look for it in the shop, then put together looks from pieces that are really in stock, and say why each one works.",
        "发一张你拥有或喜欢的衣服照片。我会先在店里找到它，再用真正有货的单品搭配整套造型，并说明每件为什么合适。",
    ),
    "page.drop": ("Drop a photo here, paste it, or", "把照片拖到这里、直接粘贴，或"),
    "page.browse": ("choose a photo", "选择照片"),
    "page.drop_now": ("Drop the photo to begin", "松开即可开始"),
    "page.samples": ("Or start with one of these", "或者从这些照片开始"),
    "page.sample": ("Sample photo {number}", "示例照片 {number}"),
    "page.language": ("中文", "English"),
    "page.language_label": ("Switch to Chinese", "切换到英文"),
    "page.new": ("Start over", "重新开始"),
    "page.skip": ("Skip to the conversation", "跳到对话"),
    "page.talk": ("Conversation", "对话"),
    "page.private": (
        "Your photos stay in this server’s memory and are deleted {minutes} minutes after you last used them.",
        "照片只保存在本服务器内存中，停止使用 {minutes} 分钟后删除。",
    ),
    "page.private_desk": (
        "Your photos are deleted {minutes} minutes after you last used them. The shop’s stylists may see a small crop of the garment for up to {days} {days:day|days}.",
        "照片在停止使用 {minutes} 分钟后删除。店里的搭配师最多 {days} 天内可能看到衣服的小幅截图。",
    ),
    "page.lost": ("The connection was lost. Your last message was not sent.", "连接已断开，上一条消息没有发出。"),
    "page.slow": (
        "No answer came. The connection may be lost: try again, or reload the page.",
        "没有收到回答，连接可能已断开。请重试或刷新页面。",
    ),
    "page.not_photo": ("That is not a photo. Send a JPEG, PNG or WebP.", "这不是照片。请发送 JPEG、PNG 或 WebP。"),
    "page.too_many": ("At most {most} photos at a time: I took the first ones.", "一次最多 {most} 张照片，已取前几张。"),
    "page.wardrobe": ("Wardrobe", "衣橱"),
    "page.wardrobe_label": ("Open your wardrobe", "打开你的衣橱"),
    # --- where one writes ---
    "write.label": ("Your message", "你的消息"),
    "write.about": ("About “{title}”: in navy, cheaper, not this one…", "关于「{title}」：换成藏青色、便宜一点、不要这件……"),
    "write.about_short": ("About this piece…", "关于这件……"),
    "write.hint": ("Ask for changes: cheaper, only sneakers, for a wedding…", "说说想怎么改：便宜一点、只要运动鞋、参加婚礼穿……"),
    "write.hint_short": ("What should change?", "想怎么改？"),
    "write.send": ("Send", "发送"),
    "write.stop": ("Stop", "停止"),
    "write.photo": ("Add a photo", "添加照片"),
    "write.camera": ("Take a photo", "拍照"),
    # --- what the shopper did, as it stands in the conversation ---
    "you.photo": ("Your photo", "你的照片"),
    "you.open_look": ("Open the look", "打开这套造型"),
    "you.own": ("What can I wear with this from my own clothes?", "用我自己的衣服可以怎么搭？"),
    "you.shop": ("Looks from the shop again", "再看店里的搭配"),
    "you.around": ("Build looks around {title}", "以「{title}」为主搭配"),
    "you.correct": ("It is {name}", "这是{name}"),
    "you.whole": ("Take the whole photo", "用整张照片"),
    "you.drawn": ("The part that I marked", "我框出的部分"),
    "you.chose": ("The {name}", "这件{name}"),
    "you.reroll": ("Show me other looks", "换几套看看"),
    "you.undo": ("Undo", "撤销"),
    "you.drop": ("Never mind: {chip}", "取消：{chip}"),
    "you.remove": ("Not this one: {title}", "不要这件：{title}"),
    "you.swap": ("Another one instead of {title}", "把「{title}」换一件"),
    "you.again": ("Choose another garment", "换一件衣服"),
    # --- progress ---
    "step.upload": ("Opening your photo", "正在打开照片"),
    "step.received": ("Your photo is here", "照片已收到"),
    "step.start": ("One moment", "请稍候"),
    "step.opening": ("The shop is just opening, then it is your turn", "店铺正在开门，随后马上为你服务"),
    "step.own": ("Looking through your wardrobe", "正在翻看你的衣橱"),
    "step.detect": ("Looking for garments", "正在寻找衣服"),
    "step.detect_done": ("Found {garments} {garments:garment|garments}", "找到 {garments} 件衣服"),
    "step.read": ("Reading colour, cut and category", "正在辨认颜色、款式与品类"),
    "step.find": ("Looking for the same product", "正在寻找同款"),
    "step.suggest": ("Thinking of what goes with it", "正在构思搭配"),
    "step.search": ("Searching the shop", "正在搜索商品"),
    "step.search_done": ("Searched {items} items", "已搜索 {items} 件商品"),
    "step.judge": ("Checking each match", "正在逐件核对搭配"),
    "step.judge_some": ("Checking {done} of {asked}", "正在核对第 {done} / {asked} 件"),
    "step.compose": ("Putting the looks together", "正在组合造型"),
    "step.stopping": ("Stopping…", "正在停止……"),
    # --- the choice ---
    "choose.ask": (
        "I see {count} garments. Which one shall I style?",
        "我看到了 {count} 件衣服，想搭配哪一件？",
    ),
    "choose.how": (
        "Click one in the photo or beside it, or draw a box around another part.",
        "点击照片中或旁边的一件，或者框出别的部分。",
    ),
    "choose.ask_photos": (
        "I see {count} {count:garment|garments} in {photos} photos. Which one shall I style?",
        "我在 {photos} 张照片里看到了 {count} 件衣服，想搭配哪一件？",
    ),
    "choose.mark": ("Mark a part", "框选一部分"),
    "choose.take": ("Take this part", "就用这部分"),
    "choose.cancel": ("Cancel", "取消"),
    "choose.frame": (
        "Marked part of the photo. Arrow keys move it, Shift with arrow keys changes its size, Enter takes it, Escape cancels.",
        "照片中框选的部分。方向键移动，按住 Shift 加方向键改变大小，回车确认，Esc 取消。",
    ),
    "choose.whole": ("Take the whole photo", "用整张照片"),
    "choose.box": ("Style the {name}", "搭配这件{name}"),
    "choose.photo": ("Your photo with {count} garments marked", "你的照片，已标出 {count} 件衣服"),
    "none.say": ("I can’t find a garment in this photo.", "这张照片里我没有找到衣服。"),
    "none.try": (
        "Try one where the piece fills more of the picture, lies flat or hangs on a plain background. Or mark it yourself: draw a box around it.",
        "试试让衣服在画面里更大一些，平铺或挂在简单的背景前。也可以自己框出来。",
    ),
    # --- the answer ---
    "garment.yours": ("Yours", "你的"),
    "garment.is": ("This looks like", "这看起来是"),
    "garment.unknown": ("A garment", "一件衣服"),
    "garment.wrong": ("Not right? It is…", "不对？其实是……"),
    "garment.colours": ("Colours measured on the photo", "照片上测得的颜色"),
    "garment.category": ("Category", "品类"),
    "garment.gender": ("For", "适合"),
    "garment.usage": ("Worn for", "场合"),
    "garment.season": ("Season", "季节"),
    "same.title": ("Closest in the shop", "店里最接近的商品"),
    "same.found": ("Found in the shop", "店里找到了"),
    "same.is": ("This is it", "就是这件"),
    "same.close": ("Close to it", "很接近"),
    "same.none": (
        "I don’t see this very piece in the shop. These come closest.",
        "店里没有看到这一件，下面是最接近的。",
    ),
    "looks.title": ("{count} {count:look|looks} for it", "为它搭配了 {count} 套"),
    "looks.title_wish": ("{count} {count:look|looks}, as you asked", "按你的要求搭配了 {count} 套"),
    "looks.title_own": (
        "{count} {count:look|looks} from your own clothes",
        "用你自己的衣服搭配了 {count} 套",
    ),
    "looks.none": (
        "I have no look to show: nothing in stock passed the check under these conditions.",
        "暂时没有合适的造型：在这些条件下，没有一件有货的商品通过核对。",
    ),
    "looks.none_try": ("Take off a wish below, or raise the budget.", "可以取消下方的某个要求，或放宽预算。"),
    "look.label": ("Look {number}: {title}", "第 {number} 套：{title}"),
    "look.number": ("Look {number}", "第 {number} 套"),
    "look.total": ("Total", "合计"),
    "look.unfilled": ("Left open", "未能补齐"),
    "look.save": ("Save as", "保存为"),
    "look.picture": ("Picture", "图片"),
    "look.page": ("Page", "网页"),
    "look.data": ("Data", "数据"),
    "look.saved": ("Saved to your downloads", "已保存到下载"),
    "look.link": ("Link", "链接"),
    "look.keep": ("Keep this look in your wardrobe", "把这套收进衣橱"),
    "look.to_buy": ("To buy", "需购买"),
    "look.nothing_to_buy": ("Nothing to buy", "无需购买"),
    "look.gone": ("“{title}” is no longer in the shop.", "「{title}」已不在店里。"),
    "look.reroll": ("Show me other looks", "换几套看看"),
    "piece.lock": ("Keep this piece", "保留这件"),
    "piece.unlock": ("Stop keeping this piece", "不再保留这件"),
    "piece.locked": ("Kept", "已保留"),
    "piece.swap": ("Swap for the next best", "换成下一件"),
    "piece.remove": ("Not this one", "不要这件"),
    "piece.open": ("More about {title}", "查看「{title}」"),
    "piece.closest": ("Closest we carry", "店里最接近的"),
    "piece.stylist": ("Chosen by a stylist", "搭配师选定"),
    "piece.own": ("In your wardrobe", "在你的衣橱里"),
    "item.stock": ("In stock", "有货"),
    "item.last": ("Only {count} left", "仅剩 {count} 件"),
    "item.gone": ("Sold out", "已售完"),
    "item.link": ("See it in the shop", "在店里查看"),
    "item.similar": ("Similar items", "相似商品"),
    "item.no_similar": ("Nothing else in the shop looks like it.", "店里没有其他相似的商品。"),
    "item.style": ("Build looks around it", "以它为主搭配"),
    "item.close": ("Close", "关闭"),
    "item.sku": ("Item {sku}", "货号 {sku}"),
    "item.no_picture": ("No picture", "暂无图片"),
    "item.mine": ("I have this", "我有这件"),
    # --- the wardrobe ---
    "own.title": ("Your wardrobe", "你的衣橱"),
    "own.garments": ("Garments", "衣服"),
    "own.looks": ("Looks", "造型"),
    "own.nothing": (
        "Nothing here yet. Keep the garment of a photo, or a look that you like, and I can put outfits together from what you have.",
        "这里还是空的。收下照片里的衣服或喜欢的造型，我就能用你已有的衣服来搭配。",
    ),
    "own.no_garments": ("No garments kept yet.", "还没有收下衣服。"),
    "own.no_looks": ("No looks kept yet.", "还没有收下造型。"),
    "own.style": ("Style it", "搭配它"),
    "own.open": ("Open the look", "打开这套"),
    "own.remove": ("Remove from your wardrobe: {title}", "移出衣橱：{title}"),
    "own.export": ("Take everything with you", "导出全部"),
    "own.forget": ("Delete everything", "全部删除"),
    "own.private": (
        "Only this browser sees what is kept here, and whoever you give a link to sees that look.",
        "这里的内容只有此浏览器能看到；你分享的链接只能看到对应的造型。",
    ),
    "own.use": ("From my own clothes", "用我自己的衣服搭"),
    "own.shop": ("From the shop", "看店里的搭配"),
    "own.first": (
        "Show me a garment first: then I look in your wardrobe for what goes with it.",
        "先给我看一件衣服，我再到你的衣橱里找能搭配的。",
    ),
    "own.empty": (
        "Your wardrobe is empty so far. Keep garments you own in it, with “Keep in my wardrobe” beside each photo, and ask me again.",
        "你的衣橱还是空的。在每张照片旁点「收进我的衣橱」，收下你的衣服后再问我。",
    ),
    "own.none": (
        "Of the {count} {count:garment|garments} in your wardrobe, none passed the check beside this one. The looks from the shop are still here.",
        "你的衣橱里有 {count} 件衣服，但没有一件能通过与它的搭配核对。店里的搭配仍在上方。",
    ),
    "own.gap": ("You keep no {slot} that goes with it.", "你的衣橱里没有能搭配的{slot}。"),
    # --- keeping: only after a clear yes ---
    "keep.garment": ("Keep in my wardrobe", "收进我的衣橱"),
    "keep.ask_garment": ("Keep this garment in your wardrobe?", "把这件衣服收进你的衣橱？"),
    "keep.ask_look": ("Keep this look in your wardrobe?", "把这套造型收进你的衣橱？"),
    "keep.ask_link": ("Keep this look and make a link to it?", "保存这套造型并生成链接？"),
    "keep.ask_item": ("Keep this in your wardrobe, as something you have?", "把它作为你已有的衣服收进衣橱？"),
    "keep.ask_forget": (
        "Delete every garment and look in your wardrobe? Links to your looks stop working.",
        "删除衣橱里所有的衣服和造型？已分享的链接也会失效。",
    ),
    "keep.how": (
        "I store its picture and what I read of it on this server until you delete it, and a cookie that recognises this browser.",
        "它的图片和识别结果会保存在本服务器上，直到你删除；并使用一个 Cookie 来识别此浏览器。",
    ),
    "keep.how_link": (
        "I store the look on this server until you delete it. Whoever has the link sees it, with the picture of your garment.",
        "造型会保存在本服务器上，直到你删除。拿到链接的人能看到它，包括你衣服的图片。",
    ),
    "keep.yes": ("Yes, keep it", "好，收下"),
    "keep.yes_forget": ("Yes, delete everything", "是的，全部删除"),
    "keep.no": ("No", "不用了"),
    "keep.done_garment": ("In your wardrobe now", "已收进衣橱"),
    "keep.done_look": ("Kept in your wardrobe", "已收进衣橱"),
    "keep.gone": ("Deleted", "已删除"),
    "keep.nothing": ("There is nothing to keep yet: show me a garment first.", "还没有可以收下的，先给我看一件衣服。"),
    "keep.say_yes": ("Say yes, or press the button.", "回复「好」或点击按钮即可。"),
    # --- links ---
    "link.title": ("A link to this look", "这套造型的链接"),
    "link.how": (
        "Whoever opens it sees this look with today’s prices. It works until you remove the look from your wardrobe.",
        "打开链接即可看到这套造型和当前价格；从衣橱移除后链接失效。",
    ),
    "link.copy": ("Copy", "复制"),
    "link.copied": ("Link copied", "链接已复制"),
    "link.opened": (
        "Here is the look that was kept, with what the shop has today. Go on from it as you like.",
        "这是之前收下的造型，价格与库存为当前情况。可以接着修改。",
    ),
    "found.say": (
        "Here is what the shop has for that. Pick one and I’ll build looks around it, or show me a photo of your own.",
        "店里有这些。选一件，我就围绕它搭配；也可以给我看你自己的照片。",
    ),
    "found.none": (
        "The shop has nothing for that. Say it in other words, or show me a photo.",
        "店里没有找到相关商品。换个说法，或者给我看一张照片。",
    ),
    "trace.title": ("Done in {seconds} s", "用时 {seconds} 秒"),
    "trace.step": ("{name}: {seconds} s", "{name}：{seconds} 秒"),
    "trace.withheld": ("{count} {count:piece|pieces} withheld by the check", "核对后未采用 {count} 件"),
    "notice.title": ("Good to know", "说明"),
    # --- changes ---
    "wish.title": ("Your wishes", "你的要求"),
    "wish.off": ("Take off: {chip}", "取消：{chip}"),
    "wish.same": (
        "I didn’t find a wish in that. Try a colour, a kind of piece, an occasion or a budget.",
        "这句话里我没有读出要求。可以说颜色、品类、场合或预算。",
    ),
    "wish.far": (
        "This piece is some way from that occasion. These looks bring it as near as they can.",
        "这件单品离这个场合有些远，下面的搭配已尽量贴近。",
    ),
    "wish.no_prices": (
        "This shop doesn’t tell me its prices, so I can’t go by money. Anything else I can: a colour, a kind of piece, an occasion.",
        "这家店没有给出价格，所以没办法按预算或价格来挑。颜色、品类、场合都可以告诉我。",
    ),
    "change.kept": ("I keep that piece in every look from now on.", "接下来的每套都会保留这件。"),
    "change.unkept": ("That piece may change again.", "这件可以再换了。"),
    "change.last": (
        "You have seen everything that passed the check for this place; I start again from the first.",
        "这个位置通过核对的商品你都看过了，我从头再来。",
    ),
    "change.no_other": (
        "Nothing else passed the check for this place, so it stays as it is.",
        "这个位置没有其他通过核对的商品，先保持不变。",
    ),
    "change.undone": ("Back to how it was.", "已恢复到上一步。"),
    "change.nothing": ("There is nothing to undo.", "没有可以撤销的。"),
    "change.stopped": ("Stopped. What you had before is still here.", "已停止，之前的内容都还在。"),
    # --- errors: one sentence each, and a way on ---
    "error.what": ("What exactly happened", "具体原因"),
    "error.unsupported_image": (
        "I can’t read that file as a photo. Save it as JPEG or PNG and send it again.",
        "这个文件无法作为照片读取。请另存为 JPEG 或 PNG 后再发。",
    ),
    "error.image_too_large": (
        "That photo is too large for me. 1,000 pixels on the longer side are plenty.",
        "这张照片太大了，长边 1000 像素就足够。",
    ),
    "error.invalid_box": ("That part lies outside the photo. Draw the box again.", "框选的位置在照片之外，请重新框选。"),
    "error.photo_gone": (
        "That photo has been deleted, as promised. Please send it again.",
        "这张照片已按约定删除，请重新上传。",
    ),
    "error.invalid_input": ("I can’t use that.", "这个内容我无法使用。"),
    "error.wardrobe_full": ("Your wardrobe is full. Remove something first.", "你的衣橱已满，请先移除一些。"),
    "error.look_gone": (
        "The look of this link is not kept any more. Show me a garment and I’ll put together new ones.",
        "这个链接的造型已被删除。给我看一件衣服，我来搭配新的。",
    ),
    "error.store_empty": ("The shop’s shelves are empty at the moment.", "店里暂时没有商品。"),
    "error.store_locked": ("The shop is being restocked. Try again in a moment.", "店里正在上新，请稍后再试。"),
    "error.store_error": ("The catalogue can’t be read at the moment. Try again in a moment.", "商品目录暂时无法读取，请稍后再试。"),
    "error.model_unavailable": (
        "The stylist is not answering. Try again in a moment.",
        "搭配师暂时没有回应，请稍后再试。",
    ),
    "error.turn_over": ("That took too long, so I stopped. Try again, or ask for less.", "耗时太长，我先停下了。请重试，或减少要求。"),
    "error.invalid_reply": ("The stylist’s answer made no sense to me. Try again.", "搭配师的回答无法理解，请重试。"),
    "error.error": (
        "Something went wrong on our side. Your conversation is still here; try again.",
        "我们这边出了点问题。对话还在，请再试一次。",
    ),
    # --- names ---
    "slot.top": ("Top", "上装"),
    "slot.bottom": ("Bottom", "下装"),
    "slot.one-piece": ("One-piece", "连体装"),
    "slot.outerwear": ("Outerwear", "外套"),
    "slot.shoes": ("Shoes", "鞋"),
    "slot.bag": ("Bag", "包"),
    "slot.accessory": ("Accessory", "配饰"),
    "gender.Men": ("Men", "男士"),
    "gender.Women": ("Women", "女士"),
    "gender.Boys": ("Boys", "男童"),
    "gender.Girls": ("Girls", "女童"),
    "gender.Unisex": ("Everyone", "男女通用"),
    "usage.Casual": ("Casual", "休闲"),
    "usage.Formal": ("Formal", "正式"),
    "usage.Smart Casual": ("Smart casual", "商务休闲"),
    "usage.Party": ("Party", "派对"),
    "usage.Sports": ("Sports", "运动"),
    "usage.Ethnic": ("Ethnic", "民族风"),
    "usage.Travel": ("Travel", "旅行"),
    "usage.Home": ("Home", "居家"),
    "season.Spring": ("Spring", "春"),
    "season.Summer": ("Summer", "夏"),
    "season.Fall": ("Autumn", "秋"),
    "season.Winter": ("Winter", "冬"),
}

TEXTS |= DESK_TEXTS

_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "¥", "JPY": "¥", "INR": "₹"}


class _Plural(Formatter):
    """`{n:look|looks}` is the word for n; everything else as `str.format` does it."""

    def format_field(self, value: object, format_spec: str) -> str:
        if "|" in format_spec:
            one, many = format_spec.split("|")
            return one if value == 1 else many
        if isinstance(value, int) and not format_spec:
            return f"{value:,}"
        return super().format_field(value, format_spec)


def say(key: str, lang: Lang, **values: object) -> str:
    """The text of that key in that language with its values filled in.

    Whole numbers get thousands separators. Raises KeyError for an unknown key or a missing value: both are mistakes of
    ours, and a test looks for them.
    """
    text = TEXTS[key][0 if lang == "en" else 1]
    return _Plural().vformat(text, (), values) if values else text


def slot_name(slot: Slot, lang: Lang) -> str:
    return say(f"slot.{slot}", lang)


def category_name(category: str, lang: Lang) -> str:
    """The category as the catalogue has it, or its Chinese name."""
    return category if lang == "en" else vocabulary.category_zh(category)


def colour_name(colour: str, lang: Lang) -> str:
    """The colour word as the catalogue has it, or its Chinese name where there is one."""
    if lang == "en":
        return colour
    try:
        return colours.zh(colour)
    except InvalidInput:  # a shop's own feed may use a colour word beyond the vocabulary
        return colour


def gender_name(gender: Gender, lang: Lang) -> str:
    return say(f"gender.{gender}", lang)


def named(kind: str, name: str, lang: Lang) -> str:
    """The name of a usage or season ("usage", "Casual"), or the name itself where the table has none."""
    key = f"{kind}.{name}"
    return say(key, lang) if key in TEXTS else name


def label_name(slot: Slot | None, label: str, lang: Lang) -> str:
    """What to call a garment that a detector found: by its slot where that is known, else by the detector's label."""
    if slot is not None:
        return slot_name(slot, lang)
    category = vocabulary.canonical_category(label)
    return category_name(category, lang) if category else label


def price_text(price: Decimal | None, currency: str | None, lang: Lang) -> str:
    """"₹1,299" where nothing but zeros stands behind the point, "$49.50" otherwise; "" for no price."""
    if price is None:
        return ""
    figure = f"{price:,.0f}" if price == price.to_integral_value() else f"{price:,.2f}"
    if not currency:
        return figure
    if sign := _SIGNS.get(currency):
        return f"{sign}{figure}"
    return f"{figure} {currency}"


def stock_text(item: Item, lang: Lang) -> str:
    if not item.is_available:
        return say("item.gone", lang)
    if item.stock is not None and item.stock <= 3:
        return say("item.last", lang, count=item.stock)
    return say("item.stock", lang)
