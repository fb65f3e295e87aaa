<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR" sourcelanguage="en_US">
<context><name></name>
  <message id="action.brush_shown">
    <source>Select all features that are &amp;shown</source>
    <translation>보이는 피처 모두 선택(&amp;S)</translation>
  </message>
  <message id="action.choose_columns">
    <source>Co&amp;lumns of the table…</source>
    <translation>표의 열(&amp;L)…</translation>
  </message>
  <message id="action.clear_filters">
    <source>&amp;Clear filters of the table</source>
    <translation>표의 필터 지우기(&amp;C)</translation>
  </message>
  <message id="action.copy_rows">
    <source>Copy selected &amp;rows</source>
    <translation>선택한 행 복사(&amp;R)</translation>
  </message>
  <message id="action.export_rows">
    <source>E&amp;xport selected rows…</source>
    <translation>선택한 행 내보내기(&amp;X)…</translation>
  </message>
  <message id="columns.accessible">
    <source>Columns, the shown ones ticked; Space ticks, Alt+Up and Alt+Down move</source>
    <translation>열 목록. 보이는 열에 체크되어 있으며, 스페이스로 체크하고 Alt+위·아래 화살표로 옮깁니다</translation>
  </message>
  <message id="columns.cancel">
    <source>Cancel</source>
    <translation>취소</translation>
  </message>
  <message id="columns.down">
    <source>Down</source>
    <translation>아래로</translation>
  </message>
  <message id="columns.ok">
    <source>OK</source>
    <translation>확인</translation>
  </message>
  <message id="columns.search">
    <source>Find a column</source>
    <translation>열 찾기</translation>
  </message>
  <message id="columns.title">
    <source>Columns of the table</source>
    <translation>표의 열</translation>
  </message>
  <message id="columns.up">
    <source>Up</source>
    <translation>위로</translation>
  </message>
  <message id="columns.usual">
    <source>The usual ones</source>
    <translation>기본값으로</translation>
  </message>
  <message id="filter.add">
    <source>+ Filter</source>
    <translation>+ 필터</translation>
  </message>
  <message id="filter.add_tip">
    <source>Filter by any score: a range, or flags and classes.</source>
    <translation>어떤 점수로든 범위나 분류로 거릅니다.</translation>
  </message>
  <message id="filter.bar_tip">
    <source>{column} {values}
{every:,} features; {passing:,} shown; {brushed:,} selected
A bar is as high as the square root of its count.</source>
    <translation>{column} {values}
피처 {every:,}개, 보이는 것 {passing:,}개, 선택한 것 {brushed:,}개
막대의 높이는 개수의 제곱근입니다.</translation>
  </message>
  <message id="filter.clear">
    <source>Clear</source>
    <translation>지우기</translation>
  </message>
  <message id="filter.clear_tip">
    <source>Take all filters away.</source>
    <translation>필터를 모두 없앱니다.</translation>
  </message>
  <message id="filter.count">
    <source>{shown:,} of {total:,} features</source>
    <translation>피처 {total:,}개 중 {shown:,}개</translation>
  </message>
  <message id="filter.count_brushed">
    <source>{count:,} selected</source>
    <translation>{count:,}개 선택</translation>
  </message>
  <message id="filter.high_accessible">
    <source>{column}: largest value</source>
    <translation>{column}: 최댓값</translation>
  </message>
  <message id="filter.high_tip">
    <source>The largest value that passes; empty for no limit.</source>
    <translation>통과하는 가장 큰 값. 비우면 제한이 없습니다.</translation>
  </message>
  <message id="filter.in_captions">
    <source>in captions too</source>
    <translation>캡션에서도</translation>
  </message>
  <message id="filter.in_captions_tip">
    <source>Also find features with the text in one of their top captions, in any language. Results come while the captions are read.</source>
    <translation>어느 언어든 상위 캡션에 그 글이 있는 피처도 찾습니다. 캡션을 읽는 동안 결과가 차례로 나타납니다.</translation>
  </message>
  <message id="filter.languages_accessible">
    <source>Fires in at least so many languages</source>
    <translation>발화하는 최소 언어 수</translation>
  </message>
  <message id="filter.languages_after">
    <source>languages</source>
    <translation>개 언어</translation>
  </message>
  <message id="filter.languages_before">
    <source>in ≥</source>
    <translation>최소</translation>
  </message>
  <message id="filter.low_accessible">
    <source>{column}: least value</source>
    <translation>{column}: 최솟값</translation>
  </message>
  <message id="filter.low_tip">
    <source>The least value that passes; empty for no limit.</source>
    <translation>통과하는 가장 작은 값. 비우면 제한이 없습니다.</translation>
  </message>
  <message id="filter.no_tags">
    <source>no tags yet</source>
    <translation>아직 태그 없음</translation>
  </message>
  <message id="filter.range_accessible">
    <source>{column}: from {low} to {high}</source>
    <translation>{column}: {low}에서 {high}까지</translation>
  </message>
  <message id="filter.range_keys">
    <source>Up and Down choose the upper or the lower end, Left and Right move it, Delete lets all values pass.</source>
    <translation>위·아래 화살표로 위쪽 끝이나 아래쪽 끝을 고르고, 왼쪽·오른쪽 화살표로 옮기며, Delete를 누르면 모든 값이 통과합니다.</translation>
  </message>
  <message id="filter.remove">
    <source>Take this away</source>
    <translation>없애기</translation>
  </message>
  <message id="filter.remove_accessible">
    <source>Take {column} away</source>
    <translation>{column} 없애기</translation>
  </message>
  <message id="filter.rows">
    <source>Filters by scores</source>
    <translation>점수 필터</translation>
  </message>
  <message id="filter.search">
    <source>Search names in any language</source>
    <translation>모든 언어의 이름에서 찾기</translation>
  </message>
  <message id="filter.search_tip">
    <source>Part of a name in any language, or # and the number of a feature.</source>
    <translation>어느 언어든 이름의 일부, 또는 #과 피처 번호를 입력하세요.</translation>
  </message>
  <message id="filter.searching">
    <source>captions {share:.0%} searched</source>
    <translation>캡션 {share:.0%} 검색</translation>
  </message>
  <message id="filter.selected">
    <source>selected</source>
    <translation>선택</translation>
  </message>
  <message id="filter.selected_tip">
    <source>Show only features that are selected here or on a map.</source>
    <translation>여기나 지도에서 선택한 피처만 보입니다.</translation>
  </message>
  <message id="filter.shared_only">
    <source>shared</source>
    <translation>공유</translation>
  </message>
  <message id="filter.starred">
    <source>starred</source>
    <translation>별표</translation>
  </message>
  <message id="filter.starred_tip">
    <source>Show only features with a star.</source>
    <translation>별표한 피처만 보입니다.</translation>
  </message>
  <message id="filter.tags">
    <source>Tags</source>
    <translation>태그</translation>
  </message>
  <message id="filter.tags_chosen">
    <source>Tags: {tags}</source>
    <translation>태그: {tags}</translation>
  </message>
  <message id="filter.tags_tip">
    <source>Show features with any of the ticked tags.</source>
    <translation>체크한 태그가 하나라도 있는 피처를 보입니다.</translation>
  </message>
  <message id="histograms.add">
    <source>Add a histogram</source>
    <translation>히스토그램 추가</translation>
  </message>
  <message id="histograms.add_tip">
    <source>Show how another score is spread.</source>
    <translation>다른 점수의 분포를 봅니다.</translation>
  </message>
  <message id="histograms.legend">
    <source>Faint: all features; strong: those shown; hatched: those selected. Drag over a histogram to filter.</source>
    <translation>흐린 색: 모든 피처, 진한 색: 보이는 피처, 빗금: 선택한 피처. 히스토그램 위를 끌면 거릅니다.</translation>
  </message>
  <message id="panel.histograms">
    <source>Histograms</source>
    <translation>히스토그램</translation>
  </message>
  <message id="table.accessible">
    <source>Table of features</source>
    <translation>피처 표</translation>
  </message>
  <message id="table.accessible_keys">
    <source>Enter opens a row, Space selects it, Ctrl+C copies the selected rows; the menu key sorts and filters by the column.</source>
    <translation>Enter로 행을 열고, 스페이스로 선택하며, Ctrl+C로 선택한 행을 복사합니다. 메뉴 키로 열을 정렬하고 거릅니다.</translation>
  </message>
  <message id="table.brushed">
    <source>selected</source>
    <translation>선택됨</translation>
  </message>
  <message id="table.copied">
    <source>{count:,} rows copied.</source>
    <translation>{count:,}개 행을 복사했습니다.</translation>
  </message>
  <message id="table.csv">
    <source>Comma-separated values</source>
    <translation>쉼표로 구분한 값</translation>
  </message>
  <message id="table.current">
    <source>its page is shown</source>
    <translation>페이지가 열려 있음</translation>
  </message>
  <message id="table.effect">
    <source>Effect</source>
    <translation>효과</translation>
  </message>
  <message id="table.effect_tip">
    <source>Lower 95 % bound of min(P(caption | picture), P(picture | caption)) in the language.</source>
    <translation>그 언어에서 min(P(캡션 | 그림), P(그림 | 캡션))의 95 % 하한.</translation>
  </message>
  <message id="table.energy">
    <source>Energy</source>
    <translation>에너지</translation>
  </message>
  <message id="table.energy_image">
    <source>Img energy</source>
    <translation>그림 에너지</translation>
  </message>
  <message id="table.energy_image_tip">
    <source>Mean squared activation on pictures.</source>
    <translation>그림에서 활성값 제곱의 평균.</translation>
  </message>
  <message id="table.energy_text">
    <source>Txt energy</source>
    <translation>글 에너지</translation>
  </message>
  <message id="table.energy_text_tip">
    <source>Mean squared activation on captions, mean over languages.</source>
    <translation>캡션에서 활성값 제곱의 평균, 언어 평균.</translation>
  </message>
  <message id="table.energy_tip">
    <source>Mean squared activation on captions of the language.</source>
    <translation>그 언어의 캡션에서 활성값 제곱의 평균.</translation>
  </message>
  <message id="table.entropy">
    <source>Entropy</source>
    <translation>엔트로피</translation>
  </message>
  <message id="table.entropy_tip">
    <source>Entropy of its firing rates over languages, in nats; high: alike in all languages.</source>
    <translation>언어별 발화율의 엔트로피(nat). 높으면 모든 언어에서 비슷합니다.</translation>
  </message>
  <message id="table.export_title">
    <source>Write rows to a file</source>
    <translation>행을 파일로 저장</translation>
  </message>
  <message id="table.feature">
    <source>No.</source>
    <translation>번호</translation>
  </message>
  <message id="table.feature_tip">
    <source>Number of the feature in its SAE.</source>
    <translation>SAE에서 피처의 번호.</translation>
  </message>
  <message id="table.firing_rate">
    <source>Rate</source>
    <translation>발화율</translation>
  </message>
  <message id="table.firing_rate_image">
    <source>Img rate</source>
    <translation>그림 발화</translation>
  </message>
  <message id="table.firing_rate_image_tip">
    <source>Share of pictures on which it fires (activation &gt; 0).</source>
    <translation>발화하는(활성값 &gt; 0) 그림의 비율.</translation>
  </message>
  <message id="table.firing_rate_text">
    <source>Txt rate</source>
    <translation>글 발화</translation>
  </message>
  <message id="table.firing_rate_text_tip">
    <source>Share of captions on which it fires (activation &gt; 0), mean over languages.</source>
    <translation>발화하는(활성값 &gt; 0) 캡션의 비율, 언어 평균.</translation>
  </message>
  <message id="table.firing_rate_tip">
    <source>Share of captions of the language on which it fires.</source>
    <translation>그 언어의 캡션 가운데 발화하는 비율.</translation>
  </message>
  <message id="table.head_tip">
    <source>Click to sort; with Shift, to sort by it after other columns. Drag to move.</source>
    <translation>누르면 정렬하고, Shift와 함께 누르면 다른 열 다음으로 정렬합니다. 끌면 옮깁니다.</translation>
  </message>
  <message id="table.heads">
    <source>Heads of the columns</source>
    <translation>열 머리글</translation>
  </message>
  <message id="table.interference_max">
    <source>Interference</source>
    <translation>간섭</translation>
  </message>
  <message id="table.interference_max_tip">
    <source>Largest absolute cosine with the decoder row of another feature.</source>
    <translation>다른 피처의 디코더 행과의 코사인 절댓값 가운데 최댓값.</translation>
  </message>
  <message id="table.interference_rms">
    <source>Interf. RMS</source>
    <translation>간섭 RMS</translation>
  </message>
  <message id="table.interference_rms_tip">
    <source>Root mean square cosine with the decoder rows of other features.</source>
    <translation>다른 피처의 디코더 행과의 코사인의 제곱평균제곱근.</translation>
  </message>
  <message id="table.languages_not_pictures">
    <source>Not pictures</source>
    <translation>그림 제외</translation>
  </message>
  <message id="table.languages_not_pictures_tip">
    <source>Fires in all languages but never or hardly for pictures.</source>
    <translation>모든 언어에서 발화하지만 그림에는 거의 발화하지 않습니다.</translation>
  </message>
  <message id="table.linearity_image">
    <source>Linear img</source>
    <translation>선형 그림</translation>
  </message>
  <message id="table.linearity_image_tip">
    <source>R² of its activation against the dose of its direction on pictures.</source>
    <translation>그림에서 방향의 양에 대한 활성값의 R².</translation>
  </message>
  <message id="table.linearity_text">
    <source>Linear txt</source>
    <translation>선형 글</translation>
  </message>
  <message id="table.linearity_text_tip">
    <source>R² of its activation against the dose of its direction on captions.</source>
    <translation>캡션에서 방향의 양에 대한 활성값의 R².</translation>
  </message>
  <message id="table.max_activation_image">
    <source>Img max</source>
    <translation>그림 최대</translation>
  </message>
  <message id="table.max_activation_image_tip">
    <source>Largest activation on a picture.</source>
    <translation>그림에서 가장 큰 활성값.</translation>
  </message>
  <message id="table.max_activation_text">
    <source>Txt max</source>
    <translation>글 최대</translation>
  </message>
  <message id="table.max_activation_text_tip">
    <source>Largest activation on a caption.</source>
    <translation>캡션에서 가장 큰 활성값.</translation>
  </message>
  <message id="table.mean_between_scripts">
    <source>Across scripts</source>
    <translation>문자 사이</translation>
  </message>
  <message id="table.mean_between_scripts_tip">
    <source>Mean Jaccard over pairs of languages of two scripts.</source>
    <translation>다른 문자를 쓰는 언어 쌍의 자카드 평균.</translation>
  </message>
  <message id="table.mean_jaccard">
    <source>Consistency</source>
    <translation>일관성</translation>
  </message>
  <message id="table.mean_jaccard_tip">
    <source>Mean Jaccard of firing on the same items, over pairs of languages in which it fires.</source>
    <translation>발화하는 언어 쌍들에서 같은 아이템에 발화하는 정도(자카드)의 평균.</translation>
  </message>
  <message id="table.mean_within_script">
    <source>In script</source>
    <translation>문자 안</translation>
  </message>
  <message id="table.mean_within_script_tip">
    <source>Mean Jaccard over pairs of languages of one script.</source>
    <translation>같은 문자를 쓰는 언어 쌍의 자카드 평균.</translation>
  </message>
  <message id="table.modality_score">
    <source>Modality</source>
    <translation>모달리티</translation>
  </message>
  <message id="table.modality_score_tip">
    <source>energy of pictures / (energy of pictures + energy of captions); energy is the mean squared activation. 0: captions only, 1: pictures only.</source>
    <translation>그림의 에너지 / (그림의 에너지 + 캡션의 에너지). 에너지는 활성값 제곱의 평균. 0: 캡션만, 1: 그림만.</translation>
  </message>
  <message id="table.monosemanticity_across">
    <source>Mono across</source>
    <translation>단의성 사이</translation>
  </message>
  <message id="table.monosemanticity_across_tip">
    <source>How alike the pictures and captions are on which it fires.</source>
    <translation>발화하는 그림과 캡션이 서로 얼마나 비슷한지.</translation>
  </message>
  <message id="table.monosemanticity_image">
    <source>Mono img</source>
    <translation>단의성 그림</translation>
  </message>
  <message id="table.monosemanticity_image_tip">
    <source>How alike the pictures are on which it fires, by an encoder of pictures.</source>
    <translation>발화하는 그림들이 서로 얼마나 비슷한지.</translation>
  </message>
  <message id="table.monosemanticity_text">
    <source>Mono txt</source>
    <translation>단의성 글</translation>
  </message>
  <message id="table.monosemanticity_text_tip">
    <source>How alike the captions are on which it fires.</source>
    <translation>발화하는 캡션들이 서로 얼마나 비슷한지.</translation>
  </message>
  <message id="table.n_consistent">
    <source>Consistent pairs</source>
    <translation>일관된 쌍</translation>
  </message>
  <message id="table.n_consistent_tip">
    <source>Pairs of languages with p &lt;= 0.05 and a lower bound of at least 0.1.</source>
    <translation>p &lt;= 0.05이고 하한이 0.1 이상인 언어 쌍의 수.</translation>
  </message>
  <message id="table.n_languages">
    <source>Lang.</source>
    <translation>언어</translation>
  </message>
  <message id="table.n_languages_tip">
    <source>Languages in which it fires on at least 5 captions.</source>
    <translation>캡션 5개 이상에서 발화하는 언어의 수.</translation>
  </message>
  <message id="table.n_pairs">
    <source>Pairs</source>
    <translation>언어 쌍</translation>
  </message>
  <message id="table.n_pairs_tip">
    <source>Pairs of languages in which it fires in either.</source>
    <translation>둘 중 하나에서 발화하는 언어 쌍의 수.</translation>
  </message>
  <message id="table.n_shared_languages">
    <source>Shared lang.</source>
    <translation>공유 언어</translation>
  </message>
  <message id="table.n_shared_languages_tip">
    <source>Languages with p &lt;= 0.05 and a lower bound of the effect of at least 0.1.</source>
    <translation>p &lt;= 0.05이고 효과의 하한이 0.1 이상인 언어의 수.</translation>
  </message>
  <message id="table.name">
    <source>Name</source>
    <translation>이름</translation>
  </message>
  <message id="table.name_score">
    <source>Name score</source>
    <translation>이름 점수</translation>
  </message>
  <message id="table.name_score_tip">
    <source>How well the name fits: (2 AUROC - 1) (3 + agreement) / 4, with the AUROC of its embedding on train rows, and agreement the mean of 1 / rank over the methods that propose names.</source>
    <translation>이름이 얼마나 맞는지: (2 AUROC - 1) (3 + 일치) / 4. AUROC는 학습 행에서 이름 임베딩의 것, 일치는 이름을 제안하는 방법들의 1 / 순위의 평균.</translation>
  </message>
  <message id="table.name_tip">
    <source>The best name in this language; empty where there is no good one.</source>
    <translation>이 언어에서 가장 좋은 이름. 좋은 이름이 없으면 비어 있습니다.</translation>
  </message>
  <message id="table.names_still">
    <source>Names are still being read; try again in a moment.</source>
    <translation>이름을 아직 읽고 있습니다. 잠시 후 다시 시도하세요.</translation>
  </message>
  <message id="table.no">
    <source>no</source>
    <translation>아니요</translation>
  </message>
  <message id="table.one_language">
    <source>One language</source>
    <translation>한 언어</translation>
  </message>
  <message id="table.one_language_tip">
    <source>Fires in one language.</source>
    <translation>한 언어에서만 발화합니다.</translation>
  </message>
  <message id="table.one_script">
    <source>One script</source>
    <translation>한 문자</translation>
  </message>
  <message id="table.one_script_tip">
    <source>Fires in several languages, all of one script.</source>
    <translation>같은 문자를 쓰는 여러 언어에서만 발화합니다.</translation>
  </message>
  <message id="table.p">
    <source>p</source>
    <translation>p</translation>
  </message>
  <message id="table.p_tip">
    <source>Exact p of joint firing on pictures and captions of the language.</source>
    <translation>그림과 그 언어의 캡션에 함께 발화하는 것에 대한 정확 p.</translation>
  </message>
  <message id="table.pictures_only">
    <source>Pictures only</source>
    <translation>그림만</translation>
  </message>
  <message id="table.pictures_only_tip">
    <source>Fires for pictures but in no language.</source>
    <translation>그림에는 발화하지만 어느 언어에서도 발화하지 않습니다.</translation>
  </message>
  <message id="table.reach">
    <source>Reach</source>
    <translation>범위</translation>
  </message>
  <message id="table.reach_0">
    <source>no language</source>
    <translation>없음</translation>
  </message>
  <message id="table.reach_1">
    <source>one language</source>
    <translation>한 언어</translation>
  </message>
  <message id="table.reach_2">
    <source>one script</source>
    <translation>한 문자</translation>
  </message>
  <message id="table.reach_3">
    <source>several scripts</source>
    <translation>여러 문자</translation>
  </message>
  <message id="table.reach_4">
    <source>all languages</source>
    <translation>모든 언어</translation>
  </message>
  <message id="table.reach_tip">
    <source>In which languages it fires, pictures aside.</source>
    <translation>그림과 별개로, 어떤 언어들에서 발화하는지.</translation>
  </message>
  <message id="table.relative_entropy">
    <source>Rel. entropy</source>
    <translation>상대 엔트로피</translation>
  </message>
  <message id="table.relative_entropy_tip">
    <source>Entropy of its firing rates over languages, divided by the log of the number of languages.</source>
    <translation>언어별 발화율의 엔트로피를 언어 수의 로그로 나눈 값.</translation>
  </message>
  <message id="table.shared">
    <source>Shared</source>
    <translation>공유</translation>
  </message>
  <message id="table.shared_effect">
    <source>Effect</source>
    <translation>효과</translation>
  </message>
  <message id="table.shared_effect_tip">
    <source>In enough languages, fires for at least this share of partners when it fires for the picture or the caption: the lower 95 % bound.</source>
    <translation>충분히 많은 언어에서, 그림이나 캡션에 발화할 때 짝에도 발화하는 비율의 95 % 하한.</translation>
  </message>
  <message id="table.shared_p">
    <source>p</source>
    <translation>p</translation>
  </message>
  <message id="table.shared_p_tip">
    <source>Probability of so much joint firing on pictures and their captions, in enough languages, if captions were assigned to pictures at random.</source>
    <translation>캡션이 그림에 무작위로 배정되었을 때 충분히 많은 언어에서 이만큼 함께 발화할 확률.</translation>
  </message>
  <message id="table.shared_q">
    <source>q</source>
    <translation>q</translation>
  </message>
  <message id="table.shared_q_tip">
    <source>p of the partial-conjunction test of sharing, after Benjamini-Hochberg over testable features.</source>
    <translation>공유에 대한 부분 결합 검정의 p를 검정 가능한 피처에 대해 Benjamini-Hochberg로 보정한 값.</translation>
  </message>
  <message id="table.shared_tip">
    <source>Fires jointly on pictures and their captions in at least 70 % of the languages: q &lt;= 0.05, with a lower bound of the effect of at least 0.1.</source>
    <translation>언어의 70 % 이상에서 그림과 그 캡션에 함께 발화: q &lt;= 0.05, 효과의 하한 0.1 이상.</translation>
  </message>
  <message id="table.star">
    <source>★</source>
    <translation>★</translation>
  </message>
  <message id="table.star_tip">
    <source>Whether you starred it.</source>
    <translation>별표했는지.</translation>
  </message>
  <message id="table.tags">
    <source>Tags</source>
    <translation>태그</translation>
  </message>
  <message id="table.tags_tip">
    <source>Your tags.</source>
    <translation>내가 붙인 태그.</translation>
  </message>
  <message id="table.testable">
    <source>Testable</source>
    <translation>검정 가능</translation>
  </message>
  <message id="table.testable_tip">
    <source>At least 5 test units fire for pictures and 5 for captions, in enough languages to test sharing.</source>
    <translation>공유를 검정할 만큼 여러 언어에서 그림과 캡션에 각각 5개 이상의 검정 단위가 발화합니다.</translation>
  </message>
  <message id="table.title">
    <source>Name</source>
    <translation>이름</translation>
  </message>
  <message id="table.title_tip">
    <source>The English name, else the best one in any language.</source>
    <translation>영어 이름, 없으면 어느 언어든 가장 좋은 이름.</translation>
  </message>
  <message id="table.unknown_tip">
    <source>The score {name} of the atlas.</source>
    <translation>아틀라스의 점수 {name}.</translation>
  </message>
  <message id="table.write_failed">
    <source>{file} could not be written ({reason}); choose a folder you may write.</source>
    <translation>{file}을(를) 쓸 수 없습니다({reason}). 쓸 수 있는 폴더를 고르세요.</translation>
  </message>
  <message id="table.written">
    <source>{count:,} rows written to {file}.</source>
    <translation>{count:,}개 행을 {file}에 저장했습니다.</translation>
  </message>
  <message id="table.yes">
    <source>yes</source>
    <translation>예</translation>
  </message>
  <message id="undo.columns">
    <source>columns</source>
    <translation>열</translation>
  </message>
  <message id="undo.filter">
    <source>filter</source>
    <translation>필터</translation>
  </message>
  <message id="undo.histograms">
    <source>histograms</source>
    <translation>히스토그램</translation>
  </message>
  <message id="undo.select_features">
    <source>selection of features</source>
    <translation>피처 선택</translation>
  </message>
  <message id="undo.sort">
    <source>sorting</source>
    <translation>정렬</translation>
  </message>
  <message id="filter.more">
    <source>More to do with rows and columns</source>
    <translation>행과 열로 할 수 있는 일</translation>
  </message>
  <message id="table.sort_by">
    <source>Sort by {column}</source>
    <translation>{column}(으)로 정렬</translation>
  </message>
  <message id="table.sort_also_by">
    <source>Then sort by {column}</source>
    <translation>그다음 {column}(으)로 정렬</translation>
  </message>
  <message id="table.filter_by">
    <source>Filter by {column}</source>
    <translation>{column}(으)로 거르기</translation>
  </message>
  <message id="action.sort_column">
    <source>&amp;Sort by the current column</source>
    <translation>현재 열로 정렬(&amp;S)</translation>
  </message>
  <message id="action.sort_column_too">
    <source>&amp;Then sort by the current column</source>
    <translation>그다음 현재 열로 정렬(&amp;T)</translation>
  </message>
  <message id="action.filter_column">
    <source>&amp;Filter by the current column</source>
    <translation>현재 열로 거르기(&amp;F)</translation>
  </message>
</context>
</TS>
